"""Processes that would outlive their worker, or all of its sandbox.

A rung without programs starts none: there the filter is off too in the second half.
What ends a tree is its warden (the parent of a worker that may start processes, and of
its orphans), what would end it after that the keeper, and the pid namespace with its
zygote. They are stopped, or switched off.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator

from lockgate_sandbox import RemoteError, Worker
from tests.sandbox.attacks.families.field import Attack, Field
from tests.sandbox.attacks.families.kin import below, told_of
from tests.support.sandbox import alive, parent_of, run, wait_until

__all__ = ["ATTACKS", "ORPHAN", "TOGETHER"]

TOGETHER = 5

_OFF = ("seccomp", "process-limit", "pid-namespace")
"""What keeps a worker of most rungs from starting a process, and one from staying."""

ORPHAN = """
import ctypes, os, time
reader, writer = os.pipe()
if not os.fork():
    os.setsid()
    if not os.fork():
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # PR_SET_PDEATHSIG: for none of them
        os.write(writer, b"%d" % os.getpid())
        time.sleep(600)
    os._exit(0)
os.wait()
result = int(os.read(reader, 20))
"""


def _outlives_its_worker(field: Field) -> bool:
    with field.worker(*_OFF) as worker:
        orphan = _started(field, worker)
        if not orphan:
            return False
        if field.held:
            worker.close()
            return not wait_until(lambda: not alive(orphan))
        warden = parent_of(worker.pid)
        with _paused(warden):
            os.kill(worker.pid, signal.SIGKILL)
            assert wait_until(lambda: not alive(worker.pid))
            survived = not wait_until(lambda: not alive(orphan), 0.3)
    assert wait_until(lambda: not alive(orphan))
    return survived


def _outlives_its_zygote(field: Field) -> bool:
    """The warden can't do anything: the keeper ends it, or the pid namespace."""
    if field.held and not field.may_start:
        return bool(_started(field, field.worker()))
    with field.own_lab(*_OFF) as lab:
        worker = lab.worker(field.policy())
        orphan, warden = _started(field, worker), parent_of(worker.pid)
        zygote = parent_of(warden)
        held = (warden,) if field.held else (warden, parent_of(zygote))
        with _paused(*held):
            os.kill(zygote, signal.SIGKILL)
            ended = wait_until(lambda: not alive(orphan), 10 if field.held else 0.3)
    assert wait_until(lambda: not alive(orphan))
    return not ended


def _started(field: Field, worker: Worker) -> int:
    """The orphan that the worker has made; 0 if it may start nothing."""
    try:
        inner = run(worker, ORPHAN)
    except RemoteError as error:
        if error.type != "PermissionError" or field.may_start or not field.held:
            raise
        return 0
    for pid in below(parent_of(worker.pid)):
        if told_of(pid, "NSpid")[-1:] == [str(inner)]:
            assert alive(pid)
            return pid
    msg = "there is no such orphan"
    raise AssertionError(msg)


@contextlib.contextmanager
def _paused(*pids: int) -> Generator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


ATTACKS: dict[str, Attack] = {
    "outlive its worker": _outlives_its_worker,
    "outlive its zygote": _outlives_its_zygote,
}
