"""What a sealed worker costs to start, and while it does nothing.

Cold: from the request to the first reply of a module that is imported under every
seal. The request is not the first of its kind, so that a sealed child waits for
it; `sandbox-cold-burst` shows what it costs when none does.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate_sandbox import Policy, Sandbox
from tests.bench.harness import (
    Row,
    Unavailable,
    command_seconds,
    compiled,
    paired,
)
from tests.bench.workers import echo_sandbox

__all__ = ["ROWS"]

_BURST = 20
_HEAVY = "pydantic.main"
"""What is preloaded: the part of pydantic that takes time."""

_IDLE = 500
_SPAWNED = 6
"""Pythons of multiprocessing that are measured: each is like the other."""

_SETTLE_SECONDS = 0.02
"""What a host does between two starts; the next child is sealed meanwhile."""


def _cold_side(sandbox: Sandbox, folder: str) -> Callable[[], float]:
    policy = Policy.for_tier("read-only")

    def side() -> float:
        time.sleep(_SETTLE_SECONDS)
        started = time.perf_counter()
        worker = sandbox.worker(policy, target="echo:build", path=[folder])
        worker.call("echo", {})
        seconds = time.perf_counter() - started
        worker.close()
        return seconds

    return side


def _cold(name: str, peer: Callable[[], float], peer_name: str, target: float) -> Row:
    with echo_sandbox() as made:
        return paired(
            name,
            _cold_side(*made),
            peer,
            peer_name=peer_name,
            target=target,
            unit="ms",
            rounds=60,
        )


def _cold_python(name: str) -> Row:
    peer = command_seconds([sys.executable, "-c", "pass"])
    return _cold(name, peer, "python -c pass", 1 / 9)


def _cold_bubblewrap(name: str) -> Row:
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev"]
    peer = command_seconds([*argv, sys.executable, "-I", "-S", "-c", "pass"])
    return _cold(name, peer, "bubblewrap + python -I -S", 1 / 14)


def _cold_c_fork(name: str) -> Row:
    with TemporaryDirectory() as folder:
        source = Path(__file__).with_name("fork_to_first_byte.c")
        program = compiled(source, Path(folder))

        def peer() -> float:
            done = subprocess.run([program, "5"], capture_output=True, check=True)
            return int(done.stdout) / 1e9

        return _cold(name, peer, "C fork, one byte back", 10)


def _burst_row(name: str) -> Row:
    """Seconds per worker where many are asked for at once: none waits sealed."""
    policy = Policy.for_tier("read-only")
    peer = command_seconds([sys.executable, "-c", "pass"])
    with echo_sandbox() as (sandbox, folder):

        def side() -> float:
            started = time.perf_counter()
            workers = [
                sandbox.worker(policy, target="echo:build", path=[folder])
                for _ in range(_BURST)
            ]
            for worker in workers:
                worker.call("echo", {})
            seconds = time.perf_counter() - started
            for worker in workers:
                worker.close()
            return seconds / _BURST

        return paired(
            name,
            side,
            peer,
            peer_name="python -c pass",
            target=1 / 3,
            unit="ms",
            rounds=9,
        )


def _memory_row(name: str) -> Row:
    """PSS of an idle worker at five hundred of them, against idle spawned pythons."""
    policy = Policy.for_tier("read-only")
    with echo_sandbox() as (sandbox, folder):
        workers = [
            sandbox.worker(policy, target="echo:build", path=[folder])
            for _ in range(_IDLE)
        ]
        mine = sum(_pss(worker.pid) for worker in workers) / _IDLE
        for worker in workers:
            worker.close()
    with ProcessPoolExecutor(_SPAWNED, mp_context=get_context("spawn")) as pool:
        for future in [pool.submit(time.sleep, 0.5) for _ in range(_SPAWNED)]:
            future.result()
        pids = list(pool._processes)
        theirs = sum(map(_pss, pids)) / len(pids)
    return Row(name, mine, theirs, "multiprocessing spawn", "MB", 1 / 10)


def _pss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    reason = "no smaps_rollup in this kernel"
    raise Unavailable(reason)


def _site() -> str:
    import pydantic

    return str(Path(pydantic.__file__).parent.parent)


def _say_hello(end: Connection) -> None:
    end.send(b"x")


def _forkserver() -> Callable[[], float]:
    context = get_context("forkserver")
    context.set_forkserver_preload([_HEAVY, __name__])

    def side() -> float:
        started = time.perf_counter()
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_say_hello, args=(theirs,))
        process.start()
        mine.recv()
        seconds = time.perf_counter() - started
        process.join()
        mine.close()
        theirs.close()
        return seconds

    return side


def _preloaded(name: str) -> Row:
    policy = Policy.for_tier("read-only")
    with echo_sandbox() as (sandbox, folder):

        def side() -> float:
            time.sleep(_SETTLE_SECONDS)
            started = time.perf_counter()
            worker = sandbox.worker(
                policy, target="echo:build", path=[folder, _site()], preload=[_HEAVY]
            )
            worker.call("echo", {})
            seconds = time.perf_counter() - started
            worker.close()
            return seconds

        return paired(
            name,
            side,
            _forkserver(),
            peer_name="multiprocessing forkserver",
            target=1 / 9,
            unit="ms",
            rounds=40,
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-cold-python": _cold_python,
    "sandbox-cold-bubblewrap": _cold_bubblewrap,
    "sandbox-cold-c-fork": _cold_c_fork,
    "sandbox-cold-preloaded": _preloaded,
    "sandbox-cold-burst": _burst_row,
    "sandbox-idle-memory": _memory_row,
}
