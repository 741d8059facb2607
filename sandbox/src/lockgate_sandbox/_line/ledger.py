"""Settling one worker's calls: what each used since the one before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import Data
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Reply, Usage

if TYPE_CHECKING:
    from lockgate_sandbox._line.vigil import Vigil
    from lockgate_sandbox._watch.output import Output
    from lockgate_sandbox._watch.sample import Sampler

__all__ = ["Ledger"]

_PEAK_SECONDS = 0.005
"""A call or start quicker than this is not worth reading its peak memory for."""


_CPU_SECONDS = 0.001
"""How long CPU time that was read is not read again."""

_now = time.monotonic


class Ledger:
    """Settles one worker's calls: what each used since the one before."""

    def __init__(self, vigil: Vigil, output: Output) -> None:
        self._vigil = vigil
        self._sampler: Sampler
        self._output = output
        self._posture: Posture
        self._cpu = 0.0
        self._printed = 0
        self._peak_seen = self._cpu_due = 0.0

    def begin(self, posture: Posture) -> None:
        """The process is known and watched; nothing foreign runs in it yet."""
        self._posture = posture
        self._sampler = self._vigil.sampler
        self._cpu = self._vigil.cpu_seconds()

    def built(self, started: float) -> None:
        """The target is built, begun at `started`; what that took is no call's."""
        if _now() - started > _PEAK_SECONDS:
            self._sampler.note_peak()
        self._cpu = self._vigil.cpu_seconds()

    def unsettled(self) -> Reply:
        """The reply to what is settled with the call that follows."""
        return Reply(None, Usage(0.0, 0.0, 0, 0), self._posture, "")

    def settle(self, value: Data, started: float) -> Reply:
        """The reply to a call that was asked at `started` (monotonic seconds)."""
        now, used, text = _now(), 0.0, ""
        if now - started > _PEAK_SECONDS and started > self._peak_seen:
            self._peak_seen = now
            self._sampler.note_peak()
        if now > self._cpu_due:
            # Asking the kernel costs a tenth of a quick call.
            self._cpu_due = now + _CPU_SECONDS
            cpu, before = self._vigil.cpu_seconds(), self._cpu
            self._cpu, used = cpu, max(0.0, cpu - before)
        printed = self._output.total - self._printed
        if printed:
            text = self.printed()
        usage = Usage(used, now - started, self._sampler.peak_bytes, printed)
        return Reply(value, usage, self._posture, text)

    def printed(self) -> str:
        """What was printed since this was asked last: a failed call's is no other's."""
        self._printed = self._output.total
        return self._output.take().decode("utf-8", "replace")
