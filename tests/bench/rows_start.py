"""What a sealed worker costs to start.

Cold: from the request to the first reply of a module that is imported under every
seal. Both sides are told with it what to call, and answer once. The request is not the
first of its kind, so that a sealed child waits for it; `sandbox-cold-burst` shows what
it costs when none does. Both sides come out of the same rest. The rows called floor put
a Python without any seal in our place.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate_sandbox import Policy, Sandbox
from tests.bench.floors import bare_workers, cold
from tests.bench.harness import (
    REST_SECONDS,
    Row,
    command_seconds,
    compiled,
    paired,
    rested,
)
from tests.bench.workers import HEAVY, echo_sandbox, open_echo, site_folder

__all__ = ["ROWS"]

_BURST = 20


def _cold_side(sandbox: Sandbox, folder: str) -> Callable[[], float]:
    policy = Policy.for_tier("read-only")

    def side() -> float:
        started = time.perf_counter()
        worker = sandbox.worker(policy, target="echo:build", path=[folder], lazy=True)
        worker.call("echo", {})
        seconds = time.perf_counter() - started
        worker.close()
        return seconds

    return side


def _cold(name: str, peer: Callable[[], float], peer_name: str, target: float) -> Row:
    with echo_sandbox() as made:
        return paired(
            name,
            rested(_cold_side(*made)),
            rested(peer),
            peer_name=peer_name,
            target=target,
            unit="ms",
            rounds=60,
        )


def _cold_python(name: str) -> Row:
    peer = command_seconds([sys.executable, "-c", "pass"])
    return _cold(name, peer, "python -c pass", 1 / 9)


def _bubblewrap() -> Callable[[], float]:
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev"]
    return command_seconds([*argv, sys.executable, "-I", "-S", "-c", "pass"])


def _cold_bubblewrap(name: str) -> Row:
    return _cold(name, _bubblewrap(), "bubblewrap + python -I -S", 1 / 14)


def _floor_bubblewrap(name: str) -> Row:
    return _floor(name, _bubblewrap(), "bubblewrap + python -I -S", 1 / 14)


def _floor(
    name: str,
    peer: Callable[[], float],
    peer_name: str,
    target: float,
    *preload: str,
) -> Row:
    with open_echo() as folder, bare_workers(*preload, site=site_folder()) as fork:
        return paired(
            name,
            rested(cold(fork, folder)),
            rested(peer),
            peer_name=peer_name,
            target=target,
            unit="ms",
            rounds=40,
        )


def _cold_c_fork(name: str) -> Row:
    with TemporaryDirectory() as folder:
        source = Path(__file__).with_name("fork_to_first_byte.c")
        program = compiled(source, Path(folder))

        rest = str(int(REST_SECONDS * 1e6))

        def peer() -> float:
            argv = [program, "3", rest]
            done = subprocess.run(argv, capture_output=True, check=True)
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


def _echo(end: Connection, folder: str, method: str, arguments: object) -> None:
    sys.path.append(folder)
    end.send(import_module("echo").build(None)(method, arguments))


def _forkserver(folder: str) -> Callable[[], float]:
    context = get_context("forkserver")
    context.set_forkserver_preload([HEAVY, __name__])

    def side() -> float:
        started = time.perf_counter()
        mine, theirs = context.Pipe()
        process = context.Process(target=_echo, args=(theirs, folder, "echo", {}))
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
        path = [folder, site_folder()]  # looked up by the bench, not by a request

        def side() -> float:
            started = time.perf_counter()
            worker = sandbox.worker(
                policy, target="echo:build", path=path, preload=[HEAVY], lazy=True
            )
            worker.call("echo", {})
            seconds = time.perf_counter() - started
            worker.close()
            return seconds

        return paired(
            name,
            rested(side),
            rested(_forkserver(folder)),
            peer_name="multiprocessing forkserver",
            target=1 / 9,
            unit="ms",
            rounds=40,
        )


def _floor_preloaded(name: str) -> Row:
    with open_echo() as folder:
        peer = _forkserver(folder)
        return _floor(name, peer, "multiprocessing forkserver", 1 / 9, HEAVY)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-cold-python": _cold_python,
    "sandbox-cold-bubblewrap": _cold_bubblewrap,
    "sandbox-cold-c-fork": _cold_c_fork,
    "sandbox-cold-preloaded": _preloaded,
    "floor-cold-bubblewrap": _floor_bubblewrap,
    "floor-cold-preloaded": _floor_preloaded,
    "sandbox-cold-burst": _burst_row,
}
