"""What the keeper says that it killed for, until somebody asks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lockgate_sandbox._watch import limits as errors_of
from lockgate_sandbox._watch import verdict
from lockgate_sandbox.errors import CpuLimitError, MemoryLimitError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.tiers import Limits

__all__ = ["Verdicts"]

_KEPT_LIMIT = 1024


class Verdicts:
    """Reads the keeper's `leash`, which is its owner's to close. Thread-safe."""

    def __init__(self, leash: socket.socket) -> None:
        leash.setblocking(False)
        self._leash = leash
        self._lock = threading.Lock()
        self._by_pid: dict[int, tuple[bytes, float, float]] = {}

    def on(
        self, pids: Iterable[int], limits: Limits, *, since: float
    ) -> SandboxError | None:
        """The limit that one of `pids` was killed for; told once.

        What was said before `since` (monotonic seconds) was about others that had
        these numbers.
        """
        with self._lock:
            self._read()
            said = [self._by_pid.pop(pid) for pid in pids if pid in self._by_pid]
        for limit, when, used in said:
            if when < since:
                continue
            if limit == verdict.HIDDEN:
                return errors_of.hidden()
            if limit == verdict.CPU:
                return CpuLimitError(limits.cpu_seconds, used, "s")
            return MemoryLimitError(limits.memory_bytes, int(used), "bytes")
        return None

    def _read(self) -> None:
        try:
            while data := self._leash.recv(verdict.VERDICT_BYTES):
                pids, limit, when, used = verdict.unpack(data)
                for pid in pids:
                    self._by_pid.pop(pid, None)
                    self._by_pid[pid] = limit, when, used
        except OSError:  # nothing more, or it is closed
            pass
        while len(self._by_pid) > _KEPT_LIMIT:
            del self._by_pid[next(iter(self._by_pid))]
