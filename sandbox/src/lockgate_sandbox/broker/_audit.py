"""The record of every decision: who asked for what, and what came of it.

A decision that can't be recorded is not taken: an error of the sink or of the file
reaches the worker as a failed request, and nothing was done.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.results import Denial

__all__ = ["AuditLog", "AuditRecord", "AuditSink", "denials_into"]

_TEXT_CHARS = 1_024
_REDACTED = "(redacted)"
_DENIALS_LIMIT = 200
_SHORTEST_SECRET = 4
"""A shorter value would black out the whole log and is no secret anyway."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One decision, or the end of what was allowed.

    `time` is in seconds since 1970. `right` is net, path, device, secret or tool;
    `resource` names one. `bytes` were moved until now, where that is known.
    `grant` is what carried it, or what would have.
    """

    time: float
    worker: str
    right: str
    resource: str
    decision: Literal["allow", "deny", "end"]
    reason: str = ""
    bytes: int = 0
    grant: str = ""

    def to_line(self) -> str:
        """One line of JSON, newline included."""
        return json.dumps(asdict(self), ensure_ascii=True) + "\n"


AuditSink: TypeAlias = Callable[[AuditRecord], object]


class AuditLog:
    """Writes records to a callable, to a file of JSON lines, or to both.

    The file is made readable by its owner only, gets whole lines, and is moved to
    ``PATH.1`` (replacing that) before it outgrows `limit_bytes`. Thread-safe.

    Raises:
        PolicyError: If `path` is not a regular file of our own, or a link.
    """

    def __init__(
        self,
        sink: AuditSink | None = None,
        path: str | os.PathLike[str] | None = None,
        *,
        limit_bytes: int = 16 << 20,
    ) -> None:
        self._sinks: tuple[AuditSink, ...] = () if sink is None else (sink,)
        self._path = os.fspath(path) if path is not None else None
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        self._fd = -1
        if self._path is not None:
            self._fd = _open(self._path)

    @contextmanager
    def telling(self, sink: AuditSink) -> Generator[None]:
        """Inside the ``with`` block `sink` gets each record, too."""
        with self._lock:
            self._sinks = (*self._sinks, sink)
        try:
            yield
        finally:
            with self._lock:
                kept = list(self._sinks)
                kept.remove(sink)
                self._sinks = tuple(kept)

    def redact(self, values: Iterable[str]) -> None:
        """Never write one of these values from now on."""
        fit = {value for value in values if len(value) >= _SHORTEST_SECRET}
        with self._lock:
            # The longest first: one secret may begin with another.
            known = fit | set(self._secrets)
            self._secrets = tuple(sorted(known, key=len, reverse=True))

    def write(
        self,
        worker: str,
        right: str,
        resource: str,
        decision: Literal["allow", "deny", "end"],
        *,
        reason: str = "",
        bytes: int = 0,  # noqa: A002 - the field's name is part of the record
        grant: str = "",
    ) -> None:
        """Record one decision.

        Raises:
            OSError: If the file can't be written.
        """
        clean = [self._clean(text) for text in (resource, reason, grant)]
        record = AuditRecord(
            time.time(), worker, right, clean[0], decision, clean[1], bytes, clean[2]
        )
        if self._fd >= 0:
            self._append(record.to_line().encode("ascii"))
        for sink in self._sinks:
            sink(record)

    def _clean(self, text: str) -> str:
        for value in self._secrets:
            text = text.replace(value, _REDACTED)
        return text[:_TEXT_CHARS]

    def _append(self, line: bytes) -> None:
        with self._lock:
            if self._fd < 0 or self._path is None:
                msg = "the audit log is closed"
                raise ValueError(msg)
            if os.fstat(self._fd).st_size + len(line) > self._limit:
                os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - text
                fresh = _open(self._path)
                os.close(self._fd)
                self._fd = fresh
            written = os.write(self._fd, line)
            if written != len(line):  # the disk is full: no half line may stay
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
                raise OSError(28, "no space left for the audit log", self._path)

    def close(self) -> None:
        """Close the file. May be repeated."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def denials_into(found: list[Denial]) -> AuditSink:
    """A sink that adds what was refused to `found`, as far as anybody reads on."""

    def note(record: AuditRecord) -> None:
        if record.decision == "deny" and len(found) < _DENIALS_LIMIT:
            # There it is a sentence; a `Denial` has the argument alone.
            grant = record.grant.removesuffix(" in the policy")
            found.append(Denial(record.right, record.resource, grant))

    return note


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise PolicyError(
            f"the audit log {path} can't be opened: {error.strerror}",
            hint="name a new file in a folder of your own",
        ) from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(fd)
        msg = f"the audit log {path} is no regular file of ours"
        raise PolicyError(msg, hint="name a new file in a folder of your own")
    os.fchmod(fd, 0o600)
    return fd
