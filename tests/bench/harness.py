"""How a row is measured: ours and the peer interleaved, medians, a ratio.

A row never asserts a time. Both sides run in one process tree in turns
(A B A B ...), so that a noisy machine slows both, and what is judged is
``ratio = ours / peer`` against ``target``.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = [
    "REST_SECONDS",
    "Row",
    "Unavailable",
    "command_seconds",
    "compiled",
    "paired",
    "per_call",
    "pinned",
    "rested",
]


REST_SECONDS = 0.02
"""What a host does nothing between two starts; the next child is made meanwhile."""


class Unavailable(Exception):  # noqa: N818 - a condition of the machine, no error
    """The peer can't be had on this machine; the row says so instead of a ratio."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured comparison.

    `ours` and `peer` are medians in `unit`; `target` is the largest `ratio`
    that is good enough; `placement` says which cores the two sides ran on.
    """

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    target: float
    placement: str = "free"
    skipped: str = ""

    @property
    def ratio(self) -> float:
        """Ours over the peer's; smaller is better. NaN if it was not measured."""
        return self.ours / self.peer if self.peer else float("nan")

    @property
    def ok(self) -> bool:
        """Whether the row holds its target; a row not measured does not."""
        return not self.skipped and self.ratio <= self.target

    def to_dict(self) -> dict[str, object]:
        """The row as ``--json`` prints it."""
        ratio = None if self.skipped else round(self.ratio, 4)
        return {**asdict(self), "ratio": ratio, "ok": self.ok}


def paired(
    name: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    peer_name: str,
    target: float,
    unit: str = "us",
    rounds: int = 15,
    warmup: int = 2,
    placement: str = "free",
) -> Row:
    """Measure both sides in turns.

    Each side is a callable that does its work once and returns the seconds that
    count (so that set-up stays outside). A side may raise `Unavailable`.
    """
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    mine: list[float] = []
    theirs: list[float] = []
    try:
        for turn in range(warmup + rounds):
            a, b = ours(), peer()
            if turn >= warmup:
                mine.append(a)
                theirs.append(b)
    except Unavailable as reason:
        return Row(name, 0, 0, peer_name, unit, target, placement, str(reason))
    return Row(
        name,
        statistics.median(mine) * scale,
        statistics.median(theirs) * scale,
        peer_name,
        unit,
        target,
        placement,
    )


def rested(side: Callable[[], float]) -> Callable[[], float]:
    """`side`, begun after a rest in which whatever it needs beforehand can be made.

    Of two sides either both rest or none: a core that has slept takes three times
    as long for its first millisecond.
    """

    def after_rest() -> float:
        time.sleep(REST_SECONDS)
        return side()

    return after_rest


def per_call(
    function: Callable[[], object],
    calls: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Callable[[], float]:
    """A side that calls `function` `calls` times and gives seconds per call.

    Where nothing but this process works, `clock` is ``time.process_time``: a busy
    neighbour takes the core away for longer than a short side lasts, and so takes
    more from the longer of two.
    """

    def side() -> float:
        started = clock()
        for _ in range(calls):
            function()
        return (clock() - started) / calls

    return side


def command_seconds(
    argv: Sequence[str], *, env: dict[str, str] | None = None
) -> Callable[[], float]:
    """A side that runs a whole process, output thrown away, and times it.

    Raises:
        Unavailable: When called, if the program is not installed.
        RuntimeError: When called, if it exits with another status than 0.
    """

    def side() -> float:
        null = os.open(os.devnull, os.O_RDWR)
        try:
            started = time.perf_counter()
            pid = os.posix_spawnp(
                argv[0],
                list(argv),
                os.environ if env is None else env,
                file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)],
            )
            _, status = os.waitpid(pid, 0)
            seconds = time.perf_counter() - started
        except FileNotFoundError:
            raise Unavailable(f"{argv[0]} is not installed") from None
        finally:
            os.close(null)
        if status:
            msg = f"{argv[0]} ended with status {os.waitstatus_to_exitcode(status)}"
            raise RuntimeError(msg)
        return seconds

    return side


def compiled(source: Path, folder: Path) -> str:
    """The program that a C compiler makes of `source`, in `folder`.

    Raises:
        Unavailable: If there is no C compiler.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        reason = "no C compiler is installed"
        raise Unavailable(reason)
    program = str(folder / source.stem)
    subprocess.run([compiler, "-O2", "-o", program, str(source)], check=True)
    return program


@contextmanager
def pinned(cpu: int = 0) -> Generator[str]:
    """Keep this process and what it starts on one core; gives the placement."""
    before = os.sched_getaffinity(0)
    core = cpu if cpu in before else min(before)
    os.sched_setaffinity(0, {core})
    try:
        yield "same core"
    finally:
        os.sched_setaffinity(0, before)
