"""What the source gate costs: over the running interpreter's standard library.

The peers get the same bytes, with their imports done; for a second scan, reading and
hashing alone, of files whose names are known. Ours walks the folder in both.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import os
import shutil
import sysconfig
import time
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lockgate_sandbox.source import ScanCache, scan_tree
from tests.bench.harness import Row, Unavailable, paired

__all__ = ["ROWS", "bandit_scan"]

_LEFT_OUT = {"site-packages", "test", "tests", "idle_test", "lib2to3"}


@contextmanager
def _library(step: int) -> Generator[Path]:
    """A copy of every `step`-th module of the standard library, in a folder."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in sorted(stdlib.rglob("*.py"))
        if not _LEFT_OUT & set(path.relative_to(stdlib).parts)
    ]
    with TemporaryDirectory() as made:
        for path in files[::step]:
            copy = Path(made) / path.relative_to(stdlib)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        yield Path(made)


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def side() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return side


def _waited(work: Callable[[], object]) -> Callable[[], float]:
    def side() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return side


def _peer(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        reason = f"{module.partition('.')[0]} is not installed"
        raise Unavailable(reason) from None


def _bandit(name: str) -> Row:
    return _on_one_thread(name, scan_tree)


def _on_one_thread(name: str, ours: Callable[[Path], object]) -> Row:
    """Ours and bandit, each in a process of its own, as a person starts them.

    In one process ours would get the memory that bandit left in pieces. The library is
    whole: of every twelfth module the ratio is 0.098 to 0.107, of every fourth 0.075.
    """
    with _library(1) as folder, _process() as mine, _process() as theirs:
        return paired(
            name,
            partial(mine, ours, folder),
            partial(theirs, _bandit_reads, folder),
            peer_name="bandit",
            unit="ms",
            rounds=3,
            warmup=1,
            target=1 / 10,
            placement="one thread each, in processes of their own",
        )


@contextmanager
def _process() -> Generator[Callable[[Callable[[Path], object], Path], float]]:
    """A process, and what gives the seconds that work on a folder takes there."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:

        def seconds(work: Callable[[Path], object], folder: Path) -> float:
            return process.submit(_seconds, work, folder).result()

        yield seconds


def _seconds(work: Callable[[Path], object], folder: Path) -> float:
    return _timed(partial(work, folder))()


def _bandit_reads(folder: Path) -> None:
    bandit_scan(folder)()


def bandit_scan(folder: Path) -> Callable[[], object]:
    """The peer: bandit over a folder, in this process."""

    def scan() -> None:
        config = _peer("bandit.core.config").BanditConfig()
        manager = _peer("bandit.core.manager").BanditManager(config, "file")
        manager.discover_files([str(folder)], recursive=True)
        manager.run_tests()

    return scan


def _jobs(name: str) -> Row:
    """What a person waits for: processes for all cores, started in that time."""
    cores = len(os.sched_getaffinity(0))
    with _library(4) as folder:
        return paired(
            name,
            _waited(lambda: scan_tree(folder, jobs=cores)),
            _waited(bandit_scan(folder)),
            peer_name="bandit, which has no jobs",
            unit="ms",
            rounds=3,
            warmup=1,
            target=1 / 10,
            placement=f"ours on {cores} cores",
        )


def _parse(name: str) -> Row:
    """Not ours: how near to nothing a scan that parses can come at all."""
    return _on_one_thread(name, _parse_all)


def _parse_all(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.disable()
        for path in folder.rglob("*.py"):
            ast.parse(path.read_text("utf-8"))
        gc.enable()


def _restricted(name: str) -> Row:
    with _library(6) as folder:
        sources = [path.read_text("utf-8") for path in sorted(folder.rglob("*.py"))]

        def compile_all() -> None:
            compiler = _peer("RestrictedPython").compile_restricted
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for source in sources:
                    try:
                        compiler(source, "<module>", "exec")
                    except SyntaxError:
                        continue  # its verdict, after the whole tree was looked at

        return paired(
            name,
            _timed(lambda: scan_tree(folder)),
            _timed(compile_all),
            peer_name="RestrictedPython compile",
            unit="ms",
            rounds=5,
            warmup=1,
            target=1 / 2,
        )


def _again(name: str) -> Row:
    with _library(1) as folder:
        paths = sorted(folder.rglob("*.py"))
        cache = ScanCache()
        scan_tree(folder, cache=cache)

        def hash_all() -> None:
            for path in paths:
                hashlib.sha256(path.read_bytes()).hexdigest()

        return paired(
            name,
            _timed(lambda: scan_tree(folder, cache=cache)),
            _timed(hash_all),
            peer_name="read + sha256",
            unit="ms",
            target=2,
        )


ROWS = {
    "source-scan": _bandit,
    "source-scan-jobs": _jobs,
    "floor-source-parse": _parse,
    "source-scan-compile": _restricted,
    "source-scan-again": _again,
}
