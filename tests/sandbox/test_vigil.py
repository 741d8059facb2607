"""The watch over one worker, when several threads come to keep it."""

from __future__ import annotations

import threading
import time

import pytest

from lockgate_sandbox import MemoryLimitError
from lockgate_sandbox._watch.sample import Sampler
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel


class _Kills:
    """The kernel's count of kills for memory, which takes its time to be read."""

    def __init__(self, count: int = 0) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._count = count
        self.at_once = self.looks = 0

    def __call__(self) -> int:
        with self._lock:
            self._inside += 1
            self.looks += 1
            self.at_once = max(self.at_once, self._inside)
        time.sleep(0.12)  # more than a tick: the next look is due before this one ends
        with self._lock:
            self._inside -= 1
        return self._count


def _watched(lab: Lab, kills: _Kills, threads: int) -> list[MemoryLimitError]:
    """Watch a worker from `threads` threads until there were three looks."""
    given = policy()
    found: list[MemoryLimitError] = []
    with lab.worker(given) as worker:
        vigil = worker._line.vigil  # pyright: ignore[reportPrivateUsage]
        vigil.sampler = Sampler(worker.pid, worker.pid, given.limits, None, kills)
        start, end = threading.Barrier(threads), time.monotonic() + 20

        def watch() -> None:
            start.wait()
            while kills.looks < 3 and time.monotonic() < end:
                try:
                    vigil.watch(time.monotonic())
                except MemoryLimitError as error:
                    found.append(error)

        running = [threading.Thread(target=watch) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    assert kills.looks >= 3
    return found


def test_one_thread_samples_at_a_time_and_the_others_do_not_wait(lab: Lab) -> None:
    kills = _Kills()
    assert _watched(lab, kills, 4) == []
    assert kills.at_once == 1


def test_a_limit_is_told_once_for_each_look(lab: Lab) -> None:
    kills = _Kills(count=1)
    assert len(_watched(lab, kills, 4)) == kills.looks
