"""Workers that start processes without end: a few at most, and all end with it.

Without it they are more: the limit is raised, far enough to see that and no further.
A rung without programs starts none: there the filter is off in the second half.
"""

from __future__ import annotations

import threading

from lockgate_sandbox import ClosedError, ProcessLimitError, SandboxError, Worker
from tests.sandbox.attacks.families.field import Attack, Field
from tests.sandbox.attacks.families.kin import below
from tests.support.sandbox import alive, parent_of, wait_until

__all__ = ["ATTACKS", "BOMB", "TOGETHER"]

TOGETHER = 1  # an ordinary user has one count of processes for all of them

BOMB = """
import os, time
def bomb():
    while True:
        try:
            if not os.fork():
                os.setsid()
        except OSError:
            time.sleep(0.05)
bomb()
"""
_FEW, _MANY = 8, 24

_HELD_UP = f"""
import os, time
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
ready, go = os.pipe()
def start():
    try:
        return os.fork()
    except OSError:
        return -1
for _ in range({_FEW} - 3):
    if not start():
        os.close(go)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        os.read(ready, 1)
        start()
        time.sleep(600)
time.sleep(0.3)
for _ in range(2):
    child = start()
    if not child:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
os.close(go)
time.sleep(0.01)
until = time.monotonic() + 1
while time.monotonic() < until:
    pass
time.sleep(600)
"""
"""All ask at once, when two starts were granted that nobody has seen. Until these count
no more, another one runs on their processor and never sleeps: none of them comes to do
what it is granted before the last one is."""


def _bombs(field: Field) -> bool:
    return _grows(field, BOMB, 0.4)


def _held_up(field: Field) -> bool:
    return _grows(field, _HELD_UP, 2)


def _grows(field: Field, code: str, seconds: float) -> bool:
    """Whether more than a few are there, in so many `seconds` if that is held."""
    limit = _FEW if field.held else _MANY
    off = () if field.may_start else ("seccomp",)
    with field.worker(*off, processes=limit, memory_bytes=8 << 30) as worker:
        top = parent_of(worker.pid) if field.may_start or not field.held else worker.pid
        told: list[SandboxError] = []
        bombing = threading.Thread(target=_call, args=(worker, code, told))
        bombing.start()
        # A thread of the worker's own is one of them, too.
        grown = wait_until(
            lambda: bool(told) or len(below(top)) > _FEW,
            seconds if field.held else 30,
        )
        seen = below(top)
        worker.close()
        bombing.join()
    assert wait_until(lambda: not any(map(alive, seen)))
    if field.held or not _went_beyond(told):
        assert not told, told
        assert field.held or len(seen) <= limit
    return grown


def _went_beyond(told: list[SandboxError]) -> bool:
    """Whether they were so many before anybody here had looked that it was ended.

    Where nothing in the kernel counts them, its host does, now and then.
    """
    return any(isinstance(e, ProcessLimitError) and e.used > _MANY for e in told)


def _call(worker: Worker, code: str, told: list[SandboxError]) -> None:
    try:
        worker.call(code)
    except ClosedError:  # when it was seen
        return
    except SandboxError as error:
        told.append(error)


ATTACKS: dict[str, Attack] = {
    "start more and more": _bombs,
    "have starts held up": _held_up,
}
