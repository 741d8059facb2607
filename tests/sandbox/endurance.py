"""``python -m tests.sandbox.endurance [--acts N] [--seed N]``: nothing is left.

Starts, uses and kills workers at random moments (`endurance_acts`), then looks for
what should not be there: memory that grew, descriptors, processes, zombies, mounts,
control groups, folders; of the host, its keeper and the zygotes alike. Exit status: 0
if nothing was found, 1 with the findings printed.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lockgate_sandbox import Sandbox
from lockgate_sandbox.linux import cgroup_parents
from tests.sandbox.broker.peers import echo
from tests.sandbox.endurance_acts import ACTS, Stage
from tests.support.sandbox import open_folder, policy, wait_until
from tests.support.servers import serve

__all__ = ["Findings", "endure"]

_GROWTH_BYTES = {"host": 4 << 20, "keeper": 1 << 20, "zygote": 1 << 20}
"""What a process's memory may differ by for reasons of the allocator's."""

_WARM_UP = 0.2
"""The part of the run after which memory has found its level."""


@dataclass
class Findings:
    """What a run did and what was left of it; `faults` is empty if all is well.

    `workers` is how many were started. `memory_bytes` are, by the kind of process, what
    it held when it had found its level and at the end.
    """

    workers: int = 0
    seconds: float = 0.0
    memory_bytes: dict[str, tuple[int, int]] = field(
        default_factory=dict[str, tuple[int, int]]
    )
    faults: list[str] = field(default_factory=list[str])


def endure(acts: int, seed: int, progress: bool = False) -> Findings:
    """Do something with workers `acts` times; say what was left behind."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    found = Findings()
    started = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        # A place of its own for folders: others may be at work on this machine.
        stack.enter_context(_temporary(folder))
        stack.enter_context(_nothing_left(found))
        server = stack.enter_context(serve(echo))
        sandbox = stack.enter_context(Sandbox.open())
        stage = Stage(sandbox, folder, server.port)
        _warm_up(stage, dice)
        _run(stage, acts, dice, found, progress)
        found.workers = stage.started
    found.seconds = time.monotonic() - started
    return found


def _warm_up(stage: Stage, dice: random.Random) -> None:
    """Do everything once or twice, and have as many zygotes as are kept."""
    for tier in ("read-only", "basic", "read-only", "basic"):
        for act in ACTS:
            act(stage, policy(tier), dice)
        for name in stage.libraries:
            stage.worker(policy(tier), preload=[name]).close()


def _run(
    stage: Stage, acts: int, dice: random.Random, found: Findings, progress: bool
) -> None:
    wanted, weights = list(ACTS), list(ACTS.values())
    fds = len(_descriptors())
    before = _levels()
    for number in range(acts):
        if number == int(acts * _WARM_UP):
            before = _levels()
        given = policy(dice.choice(("read-only", "read-only", "basic")))
        dice.choices(wanted, weights)[0](stage, given, dice)
        if progress and number % 500 == 499:
            held = _resident_bytes(os.getpid()) >> 10
            print(f"{stage.started} workers, {held} KiB", flush=True)
    _compare(before, _levels(), found)
    if not wait_until(lambda: len(_descriptors()) <= fds):
        found.faults.append(f"{len(_descriptors())} descriptors, {fds} before")
    if not wait_until(lambda: not _zombies()):
        found.faults.append(f"zombies: {_zombies()}")


@dataclass(frozen=True)
class _Level:
    """What one process holds."""

    kind: str
    memory_bytes: int
    descriptors: int
    children: int


def _levels() -> dict[int, _Level]:
    """This process, its keeper and the keeper's zygotes, by pid.

    No worker lives now but those that are forked ahead, which are gone later.
    """
    wait_until(lambda: not _zombies())
    found = {os.getpid(): _level("host", os.getpid())}
    for pid in map(int, _ours()):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            kind = (
                "keeper" if any(w.endswith(b"/keeper.py") for w in words) else "zygote"
            )
            found[pid] = _level(kind, pid)
    return found


def _level(kind: str, pid: int) -> _Level:
    return _Level(kind, _resident_bytes(pid), _held(pid), len(_children(pid)))


def _held(pid: int) -> int:
    """How many descriptors a process has."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _holds_no_more(pid: int, old: _Level) -> bool:
    """Whether it holds as few descriptors as before, but for those of its children.

    Those forked ahead are now more and now fewer: a pidfd and a socket for each.
    """
    more = len(_children(pid)) - old.children
    return _held(pid) <= old.descriptors + 2 * max(more, 0)


def _compare(
    before: dict[int, _Level], after: dict[int, _Level], found: Findings
) -> None:
    """Note what grew in the processes that were there all the time."""
    for pid in sorted(before.keys() & after.keys()):
        old, new = before[pid], after[pid]
        grown = new.memory_bytes - old.memory_bytes
        held = old.memory_bytes, new.memory_bytes
        shown = found.memory_bytes.setdefault(old.kind, held)
        if grown > shown[1] - shown[0]:
            found.memory_bytes[old.kind] = held
        if grown > _GROWTH_BYTES[old.kind]:
            found.faults.append(f"{old.kind}: memory grew by {grown} bytes")
        # In the end: what ended just now may not have been let go of yet.
        if not wait_until(lambda: _holds_no_more(pid, old)):  # noqa: B023 - at once
            told = f"{_held(pid)} descriptors, {old.descriptors} before"
            found.faults.append(f"{old.kind}: {told}")
    if set(found.memory_bytes) != set(_GROWTH_BYTES):
        found.faults.append(f"looked at {sorted(found.memory_bytes)} only")


@contextmanager
def _temporary(folder: Path) -> Generator[None]:
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _nothing_left(found: Findings) -> Generator[None]:
    """Compare the machine before and after."""
    views: dict[str, Callable[[], set[str]]] = {
        "descriptors": _descriptors,
        "processes": _ours,
        "mounts": _mounts,
        "control groups": _groups,
        "folders": _folders,
    }
    before = {name: view() for name, view in views.items()}
    yield
    for name, view in views.items():
        if not wait_until(lambda: not (view() - before[name])):  # noqa: B023 - at once
            found.faults.append(f"{name}: {sorted(view() - before[name])}")


def _descriptors() -> set[str]:
    # The number of the listing itself is among them, each time the lowest free one.
    return {path.name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


def _mounts() -> set[str]:
    text = Path("/proc/self/mountinfo").read_text()
    return {line.split()[4] for line in text.splitlines()}


def _folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("lockgate-*")}


def _groups() -> set[str]:
    parents = [Path(folder) for _, folder in cgroup_parents.find_parents()[0]]
    return {
        str(path)
        for parent in parents
        for path in parent.glob(f"lockgate-{os.getpid()}-*")
    }


def _ours() -> set[str]:
    """Keeper, zygote and whatever is forked from them, by their command lines."""
    marker = f"{tempfile.gettempdir()}/lockgate-".encode()
    found: set[str] = set()
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):
                if marker in (path / "cmdline").read_bytes():
                    found.add(path.name)
    return found


def _zombies() -> list[int]:
    """Dead processes that a keeper, a zygote or this process has not reaped."""
    found: list[int] = []
    for name in _ours() | {str(os.getpid())}:
        with suppress(OSError):
            for child in _children(int(name)):
                stat = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2]
                if stat.split()[0] == "Z":
                    found.append(child)
    return found


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def _resident_bytes(pid: int) -> int:
    gc.collect()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(argv: list[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.endurance")
    parser.add_argument("--acts", type=int, default=10_000, help="of a worker or more")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(argv)
    print(f"{options.acts} acts, seed {options.seed}", flush=True)
    found = endure(options.acts, options.seed, progress=True)
    print(f"{found.workers} workers in {found.seconds:.0f} s")
    for kind, (before, after) in found.memory_bytes.items():
        print(f"{kind}: {before >> 10} KiB, then {after >> 10} KiB")
    for fault in found.faults:
        print(fault)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
