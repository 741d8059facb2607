"""What an idle worker holds, against an idle worker of multiprocessing.

PSS: pages that several processes share are divided between them. Both sides
have built the same target and answered a call.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from lockgate_sandbox import Policy
from tests.bench.floors import bare_workers
from tests.bench.harness import Row, Unavailable
from tests.bench.spawned import echo_and_rest
from tests.bench.workers import HEAVY, echo_sandbox, open_echo, site_folder

__all__ = ["ROWS"]

_IDLE = 500
_PRELOADED = 100
"""An environment has room for as many as its policy has open files."""

_SPAWNED = 6
"""Pythons of multiprocessing that are measured: each is like the other."""

_TARGET = 1 / 10


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    reason = "no smaps_rollup in this kernel"
    raise Unavailable(reason)


def _mean(pids: list[int]) -> float:
    return sum(map(_pss, pids)) / len(pids)


def _sealed(count: int, *preload: str) -> float:
    policy = Policy.for_tier("read-only")
    with echo_sandbox() as (sandbox, folder), ExitStack() as stack:
        pids: list[int] = []
        for _ in range(count):
            worker = sandbox.worker(
                policy,
                target="echo:build",
                path=[folder, *([site_folder()] if preload else [])],
                preload=preload,
            )
            stack.callback(worker.close)
            worker.call("echo", {})
            pids.append(worker.pid)
        return _mean(pids)


def _bare(count: int, *preload: str) -> float:
    with (
        open_echo() as folder,
        bare_workers(*preload, site=site_folder(), practise=False) as fork,
        ExitStack() as stack,
    ):
        workers = [fork() for _ in range(count)]
        for worker in workers:
            stack.callback(worker.close)
            worker.build(folder)
            worker.call()
        return _mean([worker.pid for worker in workers])


def _spawned(*modules: str) -> float:
    spawn = get_context("spawn")
    with open_echo() as folder, ProcessPoolExecutor(_SPAWNED, mp_context=spawn) as pool:
        asked = [pool.submit(echo_and_rest, folder, *modules) for _ in range(_SPAWNED)]
        for future in asked:
            future.result()
        return _mean(list(pool._processes))


def _row(name: str, ours: float, peer: float) -> Row:
    return Row(name, ours, peer, "multiprocessing spawn", "MB", _TARGET)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-idle-memory": lambda name: _row(name, _sealed(_IDLE), _spawned()),
    "sandbox-idle-memory-pydantic": lambda name: _row(
        name, _sealed(_PRELOADED, HEAVY), _spawned(HEAVY)
    ),
    "floor-idle-memory": lambda name: _row(name, _bare(_IDLE), _spawned()),
    "floor-idle-memory-pydantic": lambda name: _row(
        name, _bare(_PRELOADED, HEAVY), _spawned(HEAVY)
    ),
}
