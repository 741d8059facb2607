"""What it costs to get a worker of a pool and its first answer.

pydantic-monty's pool hands the same process out again with a fresh interpreter in
it; ours hands out a process that nobody used, or with ``leases`` the same one.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lockgate_sandbox import Policy, WorkerPool
from tests.bench.floors import Bare, bare_workers
from tests.bench.harness import REST_SECONDS, Row, compiled, paired, pinned, rested
from tests.bench.workers import echo_sandbox, open_echo

__all__ = ["ROWS"]


def _seconds(
    lease: Callable[[], AbstractContextManager[Any]], use: Callable[[Any], object]
) -> float:
    """From the request to the first answer; what follows is not counted."""
    started = time.perf_counter()
    with lease() as leased:
        use(leased)
        return time.perf_counter() - started


def _ours(pool: WorkerPool) -> Callable[[], float]:
    def side() -> float:
        while pool.ready < pool.size:  # what it is there for
            time.sleep(0.001)
        return _seconds(pool.worker, lambda worker: worker.call("echo", {}))

    return side


def _checkout(monty: Any) -> Callable[[], float]:
    return lambda: _seconds(monty.checkout, lambda session: session.feed_run("1"))


@contextmanager
def _monty() -> Generator[Callable[[], float]]:
    import pydantic_monty

    with pydantic_monty.Monty() as monty:
        yield _checkout(monty)


def _paired(
    name: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    rounds: int = 100,
    placement: str = "free",
) -> Row:
    return paired(
        name,
        ours,
        peer,
        peer_name="pydantic-monty checkout + run",
        target=1 / 8,
        rounds=rounds,
        placement=placement,
    )


def _fresh(name: str) -> Row:
    policy = Policy.for_tier("read-only")
    with echo_sandbox() as (sandbox, folder), _monty() as peer:
        pool = sandbox.pool(policy, target="echo:build", path=[folder], size=2)
        # What is made anew has waited when it is taken; so has the peer's, then.
        return _paired(name, rested(_ours(pool)), rested(peer))


def _reused(name: str) -> Row:
    policy = Policy.for_tier("read-only")
    # On two cores a reused one measures how long the other core takes to wake.
    with (
        pinned() as placement,
        echo_sandbox() as (sandbox, folder),
        _monty() as peer,
    ):
        pool = sandbox.pool(
            policy, target="echo:build", path=[folder], size=1, leases=1_000_000
        )
        return _paired(name, _ours(pool), peer, placement=placement)


def _floor_fresh(name: str) -> Row:
    with open_echo() as folder, bare_workers() as fork, _monty() as peer:
        waiting: list[Bare] = []

        def make() -> None:
            waiting.append(fork())
            waiting[0].build(folder)

        def ours() -> float:
            started = time.perf_counter()
            worker = waiting.pop()
            worker.call()
            seconds = time.perf_counter() - started
            worker.close()
            make()
            return seconds

        make()
        return _paired(name, rested(ours), rested(peer))


def _floor_reused(name: str) -> Row:
    with (
        pinned() as placement,
        open_echo() as folder,
        bare_workers() as fork,
        _monty() as peer,
    ):
        worker = fork()
        worker.build(folder)

        def ours() -> float:
            started = time.perf_counter()
            worker.call()
            return time.perf_counter() - started

        row = _paired(name, ours, peer, placement=placement)
        worker.close()
        return row


@contextmanager
def _echo_in_c(*arguments: str) -> Generator[list[str]]:
    """The command of a program in C that waits and echoes one packet.

    Waking it, and nothing else.
    """
    with TemporaryDirectory() as folder:
        source = Path(__file__).with_name("seqpacket_echo.c")
        yield [compiled(source, Path(folder)), *arguments]


def _floor_fresh_c(name: str) -> Row:
    rest = str(int(REST_SECONDS * 1e6))
    with _echo_in_c("3", "100", rest) as argv, _monty() as peer:

        def ours() -> float:
            done = subprocess.run(argv, capture_output=True, check=True)
            return int(done.stdout) / 1e9

        return _paired(name, ours, rested(peer), rounds=60)


def _floor_reused_c(name: str) -> Row:
    pipe = subprocess.PIPE
    with (
        pinned() as placement,
        _echo_in_c("1", "100", "asked") as argv,
        subprocess.Popen(argv, stdin=pipe, stdout=pipe, bufsize=0) as process,
        _monty() as peer,
    ):
        asking, telling = process.stdin, process.stdout
        assert asking is not None
        assert telling is not None

        def ours() -> float:
            asking.write(b".")
            return int(telling.readline()) / 1e9

        row = _paired(name, ours, peer, placement=placement)
        asking.close()
        return row


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-pool-fresh": _fresh,
    "sandbox-pool-reused": _reused,
    "floor-pool-fresh": _floor_fresh,
    "floor-pool-fresh-c": _floor_fresh_c,
    "floor-pool-reused": _floor_reused,
    "floor-pool-reused-c": _floor_reused_c,
}
