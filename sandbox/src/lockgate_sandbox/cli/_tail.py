"""The last that a file printed, kept from the terminal until it has ended."""

from __future__ import annotations

import os
import threading
import unicodedata
from types import TracebackType

from lockgate_sandbox.terminal import clean

__all__ = ["Tail", "tail_lines"]

_READ_BYTES = 65_536
_WIDE = frozenset("WF")


class Tail:
    """Reads what is written to `fd`, and keeps the last `limit` bytes of it.

    Inside its ``with`` block `fd` may be lent; behind it nobody writes any more.
    """

    def __init__(self, limit: int = 16_384) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._source, self.fd = os.pipe()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Tail:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self.fd)
        self._reader.join()
        os.close(self._source)

    def _read(self) -> None:
        while piece := os.read(self._source, _READ_BYTES):
            self._kept += piece
            del self._kept[: -self._limit]

    @property
    def text(self) -> str:
        """What is kept, with an escape for each byte that is no UTF-8."""
        return self._kept.decode("utf-8", "backslashreplace")


def tail_lines(text: str, count: int, columns: int) -> list[str]:
    """The last `count` lines of `text`, each harmless and on one line of a terminal.

    What is longer than `columns` is cut: where it went on, it could pass for a line of
    ours.
    """
    lines = clean(text).rstrip("\n").split("\n")[-count:]
    return [_cut(line, columns) for line in lines] if text.strip() else []


def _cut(line: str, columns: int) -> str:
    room = columns
    for index, char in enumerate(line):
        room -= 2 if unicodedata.east_asian_width(char) in _WIDE else 1
        if room < 0:
            return f"{line[: max(0, index - 3)]}..."
    return line
