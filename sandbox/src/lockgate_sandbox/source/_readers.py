"""Files read by several processes of ours: one for each core that there is.

Each process gets one file at a time and answers with what it found, so that no more
than one file a process is in memory. One that ends in the middle of a file, for
whatever reason, costs that file's findings and is replaced.
"""

from __future__ import annotations

import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

import msgspec

from lockgate_sandbox.source.findings import Finding
from lockgate_sandbox.source.limits import ScanLimits

__all__ = ["Asked", "Question", "read_by", "receive", "send"]

_START = (
    "import sys; sys.path[:] = sys.argv[1:]\n"
    "from lockgate_sandbox.source._reader import main; main()\n"
)
_LENGTH_BYTES = 4
_END_SECONDS = 1.0

_decode = msgspec.msgpack.Decoder(tuple[Finding, ...]).decode


class Asked(NamedTuple):
    """A file to be read, and how (`kind`)."""

    path: str
    kind: str
    sha256: str
    data: bytes


class Question(msgspec.Struct, array_like=True):
    """What a process is asked."""

    path: str
    kind: str
    data: bytes
    limits: ScanLimits


def send(file: IO[bytes], message: bytes) -> None:
    """Write `message` with its length in front."""
    file.write(len(message).to_bytes(_LENGTH_BYTES, "little") + message)
    file.flush()


def receive(file: IO[bytes]) -> bytes | None:
    """The next message; None if the other side is gone."""
    head = file.read(_LENGTH_BYTES)
    if len(head) < _LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "little")
    message = file.read(length)
    return message if len(message) == length else None


class _Reader:
    """One process."""

    def __init__(self) -> None:
        path = [entry for entry in sys.path if entry]  # not where we happen to be
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _START, *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._child.stdin and self._child.stdout  # noqa: S101, PT018  (pipes)
        self._questions, self.answers = self._child.stdin, self._child.stdout
        self.asked: Asked

    def ask(self, asked: Asked, limits: ScanLimits) -> None:
        self.asked = asked
        question = Question(asked.path, asked.kind, asked.data, limits)
        with suppress(BrokenPipeError):  # then there is no answer either
            send(self._questions, msgspec.msgpack.encode(question))

    def answer(self) -> tuple[Finding, ...] | str:
        """What it found, or why it did not."""
        message = receive(self.answers)
        if message is not None:
            return _decode(message)
        status = self._child.wait(_END_SECONDS)
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return f"the process that read it ended with {how}"

    def close(self) -> None:
        self._child.kill()
        self._child.wait()
        with suppress(BrokenPipeError):
            self._questions.close()
        self.answers.close()


def read_by(
    jobs: int, files: Iterator[Asked], limits: ScanLimits
) -> Iterator[tuple[Asked, tuple[Finding, ...] | str]]:
    """Each of `files` with what was found in it, or why nothing could be.

    In the order in which `jobs` processes answer.
    """
    idle: list[_Reader] = []
    made: list[_Reader] = []
    try:
        with selectors.DefaultSelector() as busy:
            while True:
                while len(busy.get_map()) < jobs and (file := next(files, None)):
                    if not idle:
                        idle.append(_Reader())
                        made.append(idle[-1])
                    reader = idle.pop()
                    reader.ask(file, limits)
                    busy.register(reader.answers, selectors.EVENT_READ, reader)
                if not busy.get_map():
                    return
                for key, _ in busy.select():
                    reader = key.data
                    busy.unregister(reader.answers)
                    found = reader.answer()
                    if isinstance(found, str):
                        made.remove(reader)
                        reader.close()
                    else:
                        idle.append(reader)
                    yield reader.asked, found
    finally:
        for reader in made:
            reader.close()
