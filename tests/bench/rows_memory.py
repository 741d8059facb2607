"""What an idle worker holds, against an idle worker of multiprocessing.

Of both sides what one of 500 takes that have built the same target and answered a call.
Memory that related processes share the kernel divides between them (PSS). Pages of
files are divided by 500 here: by PSS they cost the less, the more other Pythons happen
to run. Of either side all modules but that target are compiled, as pip leaves them.
"""

from __future__ import annotations

import compileall
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import lockgate_sandbox
from lockgate_sandbox import Limits, Policy, Tier
from tests.bench.floors import bare_workers
from tests.bench.harness import Row, Unavailable
from tests.bench.spawned import echo, rest
from tests.bench.workers import HEAVY, echo_sandbox, open_compiled, open_echo

__all__ = ["ROWS"]

_IDLE = 500

_SPAWNED = 6
"""Pythons of multiprocessing that are measured: each is like the other."""

_TARGET = 1 / 10


def _own(pid: int) -> float:
    """What the process `pid` takes as one of `_IDLE`, in MB."""
    sizes = dict.fromkeys(("Rss", "Pss_Anon", "Pss_Shmem", "Anonymous"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in sizes:
            sizes[name] = int(value.split()[0])
    if not sizes["Pss_Anon"]:
        reason = "no Pss_Anon in this kernel's smaps_rollup"
        raise Unavailable(reason)
    shared = (sizes["Rss"] - sizes["Anonymous"]) / _IDLE
    return (sizes["Pss_Anon"] + sizes["Pss_Shmem"] + shared) / 1024


def _mean(pids: list[int]) -> float:
    return sum(map(_own, pids)) / len(pids)


def _sealed(*preload: str) -> float:
    for package in lockgate_sandbox.__path__:
        compileall.compile_dir(package, quiet=2)
    limits = Limits.for_tier(Tier.READ_ONLY)
    # An environment's zygote holds a descriptor for each of its workers.
    policy = Policy.for_tier("read-only", limits=replace(limits, open_files=2 * _IDLE))
    with (
        echo_sandbox() as (sandbox, folder),
        open_compiled() as site,
        ExitStack() as stack,
    ):
        pids: list[int] = []
        for _ in range(_IDLE):
            worker = sandbox.worker(
                policy,
                target="echo:build",
                path=[folder, *([site] if preload else [])],
                preload=preload,
            )
            stack.callback(worker.close)
            worker.call("echo", {})
            pids.append(worker.pid)
        return _mean(pids)


def _bare(*preload: str) -> float:
    with (
        open_echo() as folder,
        open_compiled() as site,
        bare_workers(*preload, site=site, practise=False) as fork,
        ExitStack() as stack,
    ):
        workers = [fork() for _ in range(_IDLE)]
        for worker in workers:
            stack.callback(worker.close)
            worker.build(folder)
            worker.call()
        return _mean([worker.pid for worker in workers])


def _spawned(*modules: str) -> float:
    with (
        open_echo() as folder,
        open_compiled() as site,
        ProcessPoolExecutor(
            _SPAWNED,
            mp_context=get_context("spawn"),
            initializer=echo,
            initargs=(folder, site, modules),
        ) as pool,
    ):
        pids: set[int] = set()
        while (
            len(pids) < _SPAWNED
        ):  # a quick one has two turns before a slow one has any
            turns = [pool.submit(rest) for _ in range(_SPAWNED)]
            pids |= {turn.result() for turn in turns}
        return _mean(sorted(pids))


def _row(name: str, ours: float, peer: float) -> Row:
    return Row(
        name, ours, peer, "multiprocessing spawn", "MB", _TARGET, f"one of {_IDLE}"
    )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-idle-memory": lambda name: _row(name, _sealed(), _spawned()),
    "sandbox-idle-memory-pydantic": lambda name: _row(
        name, _sealed(HEAVY), _spawned(HEAVY)
    ),
    "floor-idle-memory": lambda name: _row(name, _bare(), _spawned()),
    "floor-idle-memory-pydantic": lambda name: _row(
        name, _bare(HEAVY), _spawned(HEAVY)
    ),
}
