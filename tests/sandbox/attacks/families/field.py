"""Where a family's attacks happen: one rung of one host, with protection or without."""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

from lockgate_sandbox import (
    Policy,
    Program,
    Sandbox,
    SandboxError,
    WallLimitError,
    Worker,
)
from lockgate_sandbox._watch.tree import cpu_clock
from lockgate_sandbox.errors import Data
from tests.support.sandbox import Lab, alive, open_folder, policy, run, wait_until

__all__ = ["Attack", "Callbacks", "Field", "Ground", "stopped"]

Callbacks: TypeAlias = Mapping[str, Callable[[dict[str, Data]], object]]

_MAY_START = "programs"
_TRIES = 5
_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Ground:
    """The sandboxes of one run, each opened when it is first wanted."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._lock = threading.Lock()
        self._labs: dict[frozenset[str], Lab] = {}

    def lab(self, *off: str) -> Lab:
        """A sandbox without the layers `off`, and a folder that it may read."""
        key = frozenset(off)
        with self._lock:
            if key not in self._labs:
                self._labs[key] = self._stack.enter_context(_lab(key))
            return self._labs[key]


@contextmanager
def _lab(off: Iterable[str]) -> Generator[Lab]:
    modes = dict.fromkeys(off, "off")
    with open_folder() as folder, Sandbox.open(layers=modes) as sandbox:  # type: ignore[arg-type]
        yield Lab(sandbox, folder)


@dataclass(frozen=True, slots=True)
class Field:
    """One rung of a host; `held` says whether everything is in its place."""

    ground: Ground
    rung: str
    held: bool

    @property
    def may_start(self) -> bool:
        """Whether a worker of this rung may start processes."""
        return self.rung == _MAY_START

    def policy(self, **limits: float) -> Policy:
        """The rung's policy with some limits changed."""
        if not self.may_start:
            return policy(self.rung, limits=limits)
        programs = [Program("true", "/bin/true")]
        plain = Policy.for_tier("elevated", programs=programs)
        return replace(plain, limits=replace(plain.limits, **limits))  # type: ignore[arg-type]

    def lab(self, *off: str) -> Lab:
        """The host's sandbox; without protection the layers `off` are off."""
        return self.ground.lab(*(() if self.held else off))

    @contextmanager
    def own_lab(self, *off: str) -> Generator[Lab]:
        """The same, but nobody else's: what happens to it hits no other attack."""
        with _lab(() if self.held else off) as lab:
            yield lab

    def worker(
        self, *off: str, callbacks: Callbacks | None = None, **limits: float
    ) -> Worker:
        """A worker of `lab` that runs code.

        Its start has the wall seconds of a call, which a busy machine may need more of:
        what is attacked is the call, so it gets some more tries.
        """
        lab, given = self.lab(*off), self.policy(**limits)
        for _ in range(_TRIES - 1):
            with contextlib.suppress(WallLimitError):
                return lab.worker(given, callbacks=callbacks)
        return lab.worker(given, callbacks=callbacks)

    def goes_on(self, code: str, seconds: float, *, of_cpu: bool = False) -> bool:
        """Whether `code` still runs so many seconds after it called ``begun()``.

        `of_cpu`: of the processor's. Its limits are far off, and it gets every signal
        before that a process is asked to end with.
        """
        begun = threading.Event()
        callbacks: Callbacks = {"begin": lambda _: begun.set()}
        worker = self.worker(callbacks=callbacks, wall_seconds=600, cpu_seconds=600)
        start = "def begun():\n    session.call_host('begin', {})\n"
        calling = threading.Thread(
            target=_call, args=(worker, start + textwrap.dedent(code))
        )
        calling.start()
        try:
            assert begun.wait(60)
            for number in _ENDING:
                os.kill(worker.pid, number)
            if of_cpu:
                clock = cpu_clock(worker.pid)
                assert wait_until(lambda: time.clock_gettime(clock) > seconds, 60)
            else:
                time.sleep(seconds)
            return calling.is_alive() and worker.alive
        finally:
            worker.close()
            calling.join()


Attack: TypeAlias = Callable[[Field], bool]
"""Attacks, and says whether it got what it came for."""


def _call(worker: Worker, code: str) -> None:
    with contextlib.suppress(SandboxError):
        worker.call(code, {})


def stopped(worker: Worker, code: str, *errors: type[SandboxError]) -> bool:
    """Whether one of `errors` ends `code`, and the worker with it; else it is through.

    Raises:
        SandboxError: If something else ends it.
    """
    with worker:
        try:
            run(worker, code)
        except errors:
            assert not worker.alive
            assert wait_until(lambda: not alive(worker.pid))
            return True
        return False
