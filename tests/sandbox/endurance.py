"""``python -m tests.sandbox.endurance [--workers N] [--seed N]``: nothing is left.

Starts, uses and kills workers at random moments, then looks for what should not
be there: memory that grew, descriptors, processes, zombies, mounts, control
groups, folders. Exit status: 0 if nothing was found, 1 with the findings printed.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lockgate_sandbox import Policy, Program, Sandbox, SandboxError, Worker
from lockgate_sandbox.linux import cgroup
from tests.support.sandbox import Lab, open_folder, policy, run, wait_until

__all__ = ["Findings", "endure"]

_GROWTH_BYTES = 4 << 20
"""What a host's memory may differ by for reasons of the allocator's."""

_WARM_UP = 0.2
"""The part of the run after which memory has found its level."""

Act = Callable[[Lab, Policy, random.Random], None]


@dataclass
class Findings:
    """What a run did and what was left of it; `faults` is empty if all is well."""

    workers: int = 0
    seconds: float = 0.0
    memory_bytes: tuple[int, int] = (0, 0)
    faults: list[str] = field(default_factory=list[str])


def _use(lab: Lab, given: Policy, dice: random.Random) -> None:
    with lab.worker(given) as worker:
        for _ in range(dice.randrange(3)):
            run(worker, "result = [n] * 100", n=dice.randrange(100))


def _kill_later(kill: Callable[[], object], dice: random.Random) -> threading.Timer:
    timer = threading.Timer(dice.random() * 0.01, kill)
    timer.start()
    return timer


def _kill_in_call(lab: Lab, given: Policy, dice: random.Random) -> None:
    worker = lab.worker(given)
    timer = _kill_later(worker.kill, dice)
    with suppress(SandboxError):
        run(worker, "while True: pass")
    timer.join()
    worker.close()


def _signal(lab: Lab, given: Policy, dice: random.Random) -> None:
    worker = lab.worker(given)
    timer = _kill_later(lambda: _send(worker, dice.choice((6, 9, 11, 15))), dice)
    with suppress(SandboxError):
        for _ in range(5):
            run(worker, "result = 'x' * 1000")
    timer.join()
    worker.close()


def _send(worker: Worker, number: int) -> None:
    # Not closed before this is done, so the pid is still its own.
    with suppress(ProcessLookupError):
        os.kill(worker.pid, number)


def _close_from_elsewhere(lab: Lab, given: Policy, dice: random.Random) -> None:
    worker = lab.worker(given)
    timer = _kill_later(worker.close, dice)
    with suppress(SandboxError):
        run(worker, "import time; time.sleep(5)")
    timer.join()


def _end_itself(lab: Lab, given: Policy, dice: random.Random) -> None:
    code = dice.choice(
        ("os._exit(3)", "os.kill(os.getpid(), 11)", "os.close(3)", "1 / 0")
    )
    with lab.worker(given) as worker, suppress(SandboxError):
        run(worker, f"import os; {code}")


def _fail_to_start(lab: Lab, given: Policy, dice: random.Random) -> None:
    with suppress(SandboxError):
        lab.worker(given, target=dice.choice(("missing:x", "lab_target:missing")))


def _leave_children(lab: Lab, _: Policy, dice: random.Random) -> None:
    given = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    code = """
        import os, time
        for _ in range(count):
            if not os.fork():
                os.setsid()
                if os.fork():
                    os._exit(0)
                time.sleep(60)
                os._exit(0)
    """
    with lab.worker(given) as worker, suppress(SandboxError):
        run(worker, code, count=dice.randrange(1, 4))


_ACTS: dict[Act, int] = {
    _use: 8,
    _kill_in_call: 4,
    _signal: 4,
    _close_from_elsewhere: 2,
    _end_itself: 4,
    _fail_to_start: 2,
    _leave_children: 1,
}
"""What is done with a worker, and how often compared with the rest."""


def endure(workers: int, seed: int, progress: bool = False) -> Findings:
    """Start, use and kill `workers` workers; say what was left behind."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated
    found = Findings(workers)
    started = time.monotonic()
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        # A place of its own for folders: others may be at work on this machine.
        stack.enter_context(_temporary(folder))
        stack.enter_context(_nothing_left(found))
        lab = Lab(stack.enter_context(Sandbox.open()), folder)
        for act in _ACTS:  # everything once or twice, so that it is warm
            for tier in ("read-only", "basic", "read-only", "basic"):
                act(lab, policy(tier), dice)
        _run(lab, workers, dice, found, progress)
    found.seconds = time.monotonic() - started
    return found


def _run(
    lab: Lab, workers: int, dice: random.Random, found: Findings, progress: bool
) -> None:
    acts, weights = list(_ACTS), list(_ACTS.values())
    fds = len(_descriptors())
    before = _resident_bytes()
    for number in range(workers):
        if number == int(workers * _WARM_UP):
            before = _resident_bytes()
        given = policy(dice.choice(("read-only", "read-only", "basic")))
        dice.choices(acts, weights)[0](lab, given, dice)
        if progress and number % 500 == 499:
            print(f"{number + 1} workers, {_resident_bytes() >> 10} KiB", flush=True)
    after = _resident_bytes()
    found.memory_bytes = before, after
    if after > before + _GROWTH_BYTES:
        found.faults.append(f"memory grew from {before} to {after} bytes")
    if not wait_until(lambda: len(_descriptors()) <= fds):
        found.faults.append(f"{len(_descriptors())} descriptors, {fds} before")
    if not wait_until(lambda: not _zombies()):
        found.faults.append(f"zombies: {_zombies()}")


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
    parents = [Path(folder) for _, folder in cgroup.find_parents()[0]]
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
            children = Path(f"/proc/{name}/task/{name}/children").read_text()
            for child in children.split():
                stat = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2]
                if stat.split()[0] == "Z":
                    found.append(int(child))
    return found


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main(argv: list[str] | None = None) -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.endurance")
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(argv)
    print(f"{options.workers} workers, seed {options.seed}", flush=True)
    found = endure(options.workers, options.seed, progress=True)
    before, after = (size >> 10 for size in found.memory_bytes)
    print(f"{found.seconds:.0f} s, host memory {before} KiB, then {after} KiB")
    for fault in found.faults:
        print(fault)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
