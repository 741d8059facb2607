"""What a worker that misbehaves needs, and how its end is seen."""

from __future__ import annotations

import pytest

from lockgate_sandbox import Policy, Program, SandboxError, Tier
from tests.sandbox.attacks.families.wire import SPEAK
from tests.support.sandbox import Lab, alive, policy, run, wait_until

__all__ = ["ELEVATED", "FIND", "fails"]

ELEVATED = Policy.for_tier(Tier.ELEVATED, programs=[Program("true", "/bin/true")])

FIND = (
    SPEAK
    + """
import stat
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
channel = socket.socket(fileno=os.dup(next(fd for fd in range(3, 64) if is_socket(fd))))
"""
)
"""Finds the channel to the host, as a plugin can; `frame` and `kind` send on it."""


def fails(lab: Lab, code: str, given: Policy | None = None) -> SandboxError:
    """The error of running `code`; the worker must be dead after it."""
    with lab.worker(given or policy()) as worker:
        with pytest.raises(SandboxError) as caught:
            run(worker, code)
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
        return caught.value
