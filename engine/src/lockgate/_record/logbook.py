"""What plugins said, kept in files: rotating files of JSON lines, two per plugin.

``STATE/logs/NAME.jsonl``, then ``.1`` and ``.2``, the oldest. What the host did about
the plugin stands beside it, in ``NAME.host.jsonl``: whoever writes much can't push out
what is said of them. A line is written with one call that appends, so that lines of
several hosts never mix; a line that would be too long is cut in its text, never in its
form. Writing never fails a call: where the folder can't be written, or the disk is
full, lines are lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from lockgate._record.audit import AuditRecord, LogLine, Observer
from lockgate._record.lifecycle import utc_now
from lockgate._record.quarantine import file_name
from lockgate._record.trace import current_trace_id
from lockgate._text.json_text import json_text
from lockgate.owned import hold

if TYPE_CHECKING:
    from lockgate.values import Data

__all__ = ["Logbook", "log_files", "read_lines", "recorded"]

FILE_LIMIT_BYTES = 1024 * 1024
FILES_MAXIMUM = 3
LINE_LIMIT_BYTES = 32 * 1024
MESSAGE_LIMIT_CHARS = 4096
CUT_MESSAGE_CHARS = 2000
"""Of a line that is too long: each character may take twelve bytes of ASCII."""
OUTPUT_LIMIT_LINES = 1000
HOST = ".host"
"""In the name of the file of what the host did: no plugin's name has a dot."""

_NOT_KEPT = frozenset({"broker", "end"})
"""Decisions that come by the hundred: for whoever listens, not for the files."""


class Logbook:
    """Writes the log files below a state folder. Thread-safe; hosts may share it."""

    def __init__(self, state_dir: str) -> None:
        self._folder = Path(state_dir, "logs")

    def said(self, line: LogLine) -> None:
        """A plugin wrote a line."""
        fields = line.fields
        self._write(
            file_name(line.plugin),
            {
                "at": line.at,
                "source": "log",
                "level": line.level,
                "plugin": line.plugin,
                "hook": line.hook,
                "trace": line.trace,
                "message": line.message,
                **({"fields": fields} if fields else {}),
            },
        )

    def printed(self, plugin: str, version: str, hook: str, output: str) -> None:
        """A plugin printed something: one line each."""
        at, trace = utc_now(), current_trace_id()
        for line in output.splitlines()[:OUTPUT_LIMIT_LINES]:
            self._write(
                file_name(plugin),
                {
                    "at": at,
                    "source": "print",
                    "level": "info",
                    "plugin": plugin,
                    "version": version,
                    "hook": hook,
                    "trace": trace,
                    "message": line,
                },
            )

    def decided(self, record: AuditRecord) -> None:
        """The host decided something about a plugin, or saw it die."""
        self._write(
            f"{file_name(record.plugin)}{HOST}",
            {
                "at": record.at,
                "source": "host",
                "level": "info" if record.allowed else "warning",
                "plugin": record.plugin,
                "version": record.version,
                "hook": record.hook,
                "trace": record.trace,
                "message": " ".join(
                    part
                    for part in (record.action, record.right, record.detail)
                    if part
                ),
            },
        )

    def _write(self, name: str, line: dict[str, Data]) -> None:
        raw = _encoded(line)
        path = self._folder / f"{name}.jsonl"
        # No lock: an append is whole, and one plugin's words hold nobody else up.
        with suppress(OSError):
            try:
                descriptor = _open(path)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = _open(path)
            try:
                if os.fstat(descriptor).st_size + len(raw) > FILE_LIMIT_BYTES:
                    os.close(descriptor)
                    _rotate(path, len(raw))
                    descriptor = _open(path)
                os.write(descriptor, raw)
            finally:
                os.close(descriptor)


def recorded(given: Observer, book: Logbook) -> Observer:
    """An observer that also writes down what plugins said and what became of them."""

    def log(line: LogLine) -> None:
        book.said(line)
        given.log(line)

    def audit(record: AuditRecord) -> None:
        if record.action not in _NOT_KEPT:
            book.decided(record)
        given.audit(record)

    return replace(given, log=log, audit=audit, printed=book.printed)


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(path, flags, 0o600)


def _rotate(path: Path, room: int) -> None:
    """Make room in `path`, unless another host has done so meanwhile."""
    lock = hold(path.with_name(f".{path.name}.lock"))
    try:
        with suppress(FileNotFoundError):
            if path.stat().st_size + room <= FILE_LIMIT_BYTES:
                return
        for number in range(FILES_MAXIMUM - 1, 0, -1):
            with suppress(FileNotFoundError):
                _numbered(path, number - 1).replace(_numbered(path, number))
    finally:
        os.close(lock)


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def _encoded(line: dict[str, Data]) -> bytes:
    """One line of JSON within the limit; ASCII, so that nothing in it is a newline."""
    line["message"] = str(line["message"])[:MESSAGE_LIMIT_CHARS]
    line["level"] = str(line["level"])[:32]
    try:
        raw = json_text(line, default=repr).encode("ascii")
    except (ValueError, RecursionError):
        raw = b""
    if not raw or len(raw) > LINE_LIMIT_BYTES:
        line.pop("fields", None)
        message = str(line["message"])[:CUT_MESSAGE_CHARS]
        raw = json.dumps({**line, "message": message, "cut": True}).encode("ascii")
    return raw + b"\n"


def log_files(state_dir: str, plugin: str = "") -> tuple[Path, ...]:
    """The log files of a plugin, or of all, the oldest first."""
    folder, name = Path(state_dir, "logs"), file_name(plugin)
    names = (f"{name}{HOST}", name) if plugin else ("[!.]*",)
    found: list[Path] = []
    for number in range(FILES_MAXIMUM - 1, -1, -1):
        suffix = f".{number}" if number else ""
        for one in names:
            with suppress(OSError):
                found.extend(sorted(folder.glob(f"{one}.jsonl{suffix}")))
    return tuple(found)


def read_lines(raw: bytes) -> Iterator[dict[str, object]]:
    """The whole lines in what was read of a log file; damaged ones are left out."""
    for line in raw.splitlines():
        with suppress(ValueError, RecursionError):
            value: object = json.loads(line)
            if isinstance(value, dict):
                yield cast("dict[str, object]", value)
