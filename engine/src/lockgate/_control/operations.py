"""What a running host tells of itself, and does, when asked over its socket."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockgate._control.wire import Request
from lockgate._record.lifecycle import utc_now
from lockgate.errors import UnknownPluginError

if TYPE_CHECKING:
    from lockgate._seating.roster import Roster

__all__ = ["Operations"]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
CALLS_MAXIMUM = 500
"""Records in one answer; who wants more asks again."""


def _usage_of(pid: int) -> tuple[int, float]:
    """Resident bytes and CPU seconds of a process (proc(5)); zeros if it is gone."""
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        # The name of the program, in brackets, may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        times = fields.rpartition(")")[2].split()[11:13]
    except (OSError, ValueError, IndexError):
        return 0, 0.0
    return resident * _PAGE_BYTES, sum(int(ticks) for ticks in times) / _TICKS


class Operations:
    """Answers requests about one host's plugins."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._since = utc_now()

    def answer(self, request: Request) -> dict[str, Any]:
        """What was asked, done and told.

        Raises:
            LockgateError: If it can't be done.
        """
        if request.verb == "ps":
            return self.status()
        if request.verb == "calls":
            calls = self._roster.journal.after(request.after)
            wanted = [c for c in calls if request.plugin in ("", c.plugin, c.hook)]
            return {"calls": [call.to_dict() for call in wanted[-CALLS_MAXIMUM:]]}
        if request.verb == "reload":
            life = self._roster.reload(request.plugin)
            return {"plugin": life.plugin, "version": life.version, **life.to_dict()}
        if request.verb == "release":
            if request.plugin not in self._roster.states:
                raise UnknownPluginError(request.plugin, known=self._roster.states)
            self._roster.release(request.plugin)
            return {"plugin": request.plugin}
        changes = self._roster.refresh()
        return changes.to_dict()

    def status(self) -> dict[str, Any]:
        """The host and each of its plugins."""
        return {
            "pid": os.getpid(),
            "program": Path(sys.argv[0]).name if sys.argv else "",
            "since": self._since,
            "plugins": [self._plugin(life) for life in self._roster.lifecycles()],
        }

    def _plugin(self, life: Any) -> dict[str, Any]:
        berth = self._roster.berths.get(life.plugin)
        meter = self._roster.meter(life.plugin)
        worker = berth.seat.pid if berth is not None else None
        memory, cpu = _usage_of(worker) if worker is not None else (0, 0.0)
        return {
            "plugin": life.plugin,
            "version": life.version,
            "stage": life.stage,
            "reason": life.reason,
            "since": life.at,
            "worker": worker,
            "memory-bytes": memory,
            "cpu-seconds": cpu,
            "calls": meter.calls,
            "failed": meter.failed,
            "meter": meter.to_dict(),
        }
