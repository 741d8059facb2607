"""Calls that will not end, and workers that end in the middle of one.

Without a limit held from outside such a call goes on, whatever signal asks it to end;
a host that runs the code in its own process ends with it.
"""

from __future__ import annotations

import subprocess
import sys

from lockgate_sandbox import CpuLimitError, WallLimitError, WorkerDiedError
from tests.sandbox.attacks.families.field import Attack, Field, stopped

__all__ = ["ABORTS", "ATTACKS", "CRASHES", "EXITS", "SPINS", "TOGETHER"]

TOGETHER = 32

_WALL, _CPU = 1.0, 0.2

_NOW = "def begun(): pass\n"

_DEAF = """
import signal
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
begun()
"""

_SLEEPS = _DEAF + "import time\nwhile True: time.sleep(1)"

# A limit of its own making, too: it can't come to its turn.
_HOLDS_THE_GIL = (
    """
import ctypes, os, threading
timer = threading.Timer(0.1, os._exit, (1,))
timer.daemon = True
"""
    + _DEAF.replace("begun()", "begun(); timer.start()")
    + """
ctypes.PyDLL(None).sleep(600)
"""
)

SPINS = "import itertools\nsum(itertools.repeat(1))"

CRASHES = "import ctypes\nctypes.string_at(0)"
ABORTS = "import os\nos.abort()"
EXITS = "import os\nos._exit(3)"


def _within(field: Field, code: str) -> bool:
    if field.held:
        return not stopped(
            field.worker(wall_seconds=_WALL), _NOW + code, WallLimitError
        )
    return field.goes_on(code, 1.5 * _WALL)


def _sleeps(field: Field) -> bool:
    return _within(field, _SLEEPS)


def _holds_the_gil(field: Field) -> bool:
    return _within(field, _HOLDS_THE_GIL)


def _spins(field: Field) -> bool:
    if field.held:
        worker = field.worker(cpu_seconds=_CPU, wall_seconds=60)
        return not stopped(worker, _NOW + _DEAF + SPINS, CpuLimitError)
    return field.goes_on(_DEAF + SPINS, 2 * _CPU, of_cpu=True)


def _ends(code: str) -> Attack:
    def attack(field: Field) -> bool:
        if field.held:
            return not stopped(field.worker(), code, WorkerDiedError)
        ran = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False)
        return ran.returncode != 0

    return attack


ATTACKS: dict[str, Attack] = {
    "sleep, deaf to every signal": _sleeps,
    "sleep in C with the GIL held": _holds_the_gil,
    "spin in C, deaf to SIGXCPU": _spins,
    "crash": _ends(CRASHES),
    "abort": _ends(ABORTS),
    "exit": _ends(EXITS),
}
