"""What it costs to get a worker of a pool and its first answer.

pydantic-monty's pool hands the same process out again with a fresh interpreter in
it; ours hands out a process that nobody used, or with ``leases`` the same one.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
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


def _row(name: str, *, fresh: bool) -> Row:
    import pydantic_monty

    policy = Policy.for_tier("read-only")
    with ExitStack() as stack:
        # On two cores a reused one measures how long the other core takes to wake.
        placement = "free" if fresh else stack.enter_context(pinned())
        sandbox, folder = stack.enter_context(echo_sandbox())
        pool = sandbox.pool(
            policy,
            target="echo:build",
            path=[folder],
            size=2 if fresh else 1,
            leases=1 if fresh else 1_000_000,
        )
        monty = stack.enter_context(pydantic_monty.Monty())
        # What is made anew has waited when it is taken; so has the peer's, then.
        ours, peer = _ours(pool), _checkout(monty)
        return paired(
            name,
            rested(ours) if fresh else ours,
            rested(peer) if fresh else peer,
            peer_name="pydantic-monty checkout + run",
            target=1 / 8,
            rounds=100,
            placement=placement,
        )


def _floor(name: str) -> Row:
    import pydantic_monty

    with ExitStack() as stack:
        folder = stack.enter_context(open_echo())
        fork = stack.enter_context(bare_workers())
        monty = stack.enter_context(pydantic_monty.Monty())

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
        return paired(
            name,
            rested(ours),
            rested(_checkout(monty)),
            peer_name="pydantic-monty checkout + run",
            target=1 / 8,
            rounds=100,
        )


def _floor_c(name: str) -> Row:
    """A program in C that waits and echoes one packet: waking it, and nothing else."""
    import pydantic_monty

    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        source = Path(__file__).with_name("seqpacket_echo.c")
        argv = [
            compiled(source, Path(folder)),
            "3",
            "100",
            str(int(REST_SECONDS * 1e6)),
        ]
        monty = stack.enter_context(pydantic_monty.Monty())

        def ours() -> float:
            done = subprocess.run(argv, capture_output=True, check=True)
            return int(done.stdout) / 1e9

        return paired(
            name,
            ours,
            rested(_checkout(monty)),
            peer_name="pydantic-monty checkout + run",
            target=1 / 8,
            rounds=60,
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-pool-fresh": lambda name: _row(name, fresh=True),
    "sandbox-pool-reused": lambda name: _row(name, fresh=False),
    "floor-pool-fresh": _floor,
    "floor-pool-fresh-c": _floor_c,
}
