"""The wheel gate: judging, unpacking and syncing, against `zipfile`."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from lockgate_marketplace.wheel import open_wheel, unpack
from tests.bench.harness import Row, paired, pinned
from tests.support.wheels import forge_file

__all__ = ["ROWS"]

_LINE = "def function_{n}(x: int) -> int:\n    return x * {n} + {m}\n\n\n"
_RUNS = 5


def _small_wheel(folder: Path) -> Path:
    """A pure wheel of 24 modules and 160 kB, as httpx or rich are."""
    modules = {
        f"small/module_{m}.py": "".join(_LINE.format(n=n, m=m) for n in range(120))
        for m in range(24)
    }
    return forge_file(folder, "small", files={"small/__init__.py": "", **modules})


def _sync(path: Path, flags: int = os.O_RDONLY) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    os.fsync(descriptor)
    os.close(descriptor)


def _ours(wheel: Path, aside: Path) -> None:
    unpack(open_wheel(wheel), aside, sync=True)


def _unzipped(wheel: Path, aside: Path) -> None:
    """Unzip with the standard library; sync every file and folder as `unpack` does."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(aside)
    for folder, _, files in os.walk(aside):
        for name in files:
            _sync(Path(folder, name))
        _sync(Path(folder), os.O_DIRECTORY)


def _committing(
    write: Callable[[Path, Path], None], wheel: Path, store: Path
) -> Callable[[], float]:
    """Write aside, rename into `store`, sync it: some runs, seconds of one."""

    def run() -> float:
        spent = 0.0
        for _ in range(_RUNS):
            began = time.perf_counter()
            write(wheel, store / "aside")
            (store / "aside").rename(store / "done")
            _sync(store, os.O_DIRECTORY)
            spent += time.perf_counter() - began
            shutil.rmtree(store / "done")
        return spent / _RUNS

    return run


def _durable(name: str) -> Row:
    with ExitStack() as stack:
        placement = stack.enter_context(pinned())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        wheel = _small_wheel(folder)
        for side in ("ours", "peer"):
            (folder / side).mkdir()
        return paired(
            name,
            _committing(_ours, wheel, folder / "ours"),
            _committing(_unzipped, wheel, folder / "peer"),
            peer_name="zipfile, same syncs",
            target=1.5,
            placement=placement,
        )


ROWS: dict[str, Callable[[str], Row]] = {"wheel-gate-commit": _durable}
