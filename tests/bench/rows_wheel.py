"""The wheel gate: judging a wheel, against reading and hashing it with `zipfile`."""

from __future__ import annotations

import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from lockgate_marketplace.wheel import open_wheel
from tests.bench.harness import Row, paired, pinned
from tests.support.wheels import forge_file

__all__ = ["ROWS"]

_LINE = "def function_{n}(x: int) -> int:\n    return x * {n} + {m}\n\n\n"


def _wheel(folder: Path, modules: int) -> Path:
    """A pure wheel of modules of 6 kB."""
    files = {
        f"pure/module_{m}.py": "".join(_LINE.format(n=n, m=m) for n in range(120))
        for m in range(modules)
    }
    return forge_file(folder, "pure", files={"pure/__init__.py": "", **files})


def _hashed(wheel: Path) -> None:
    """What an index must do at the least: the file's hash, and each member's."""
    hashlib.sha256(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            hashlib.sha256(archive.read(name))


def _timed(work: Callable[[Path], object], wheel: Path) -> Callable[[], float]:
    def side() -> float:
        began = time.perf_counter()
        work(wheel)
        return time.perf_counter() - began

    return side


def _row(modules: int, target: float) -> Callable[[str], Row]:
    def measured(name: str) -> Row:
        with ExitStack() as stack:
            placement = stack.enter_context(pinned())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            wheel = _wheel(folder, modules)
            return paired(
                name,
                _timed(open_wheel, wheel),
                _timed(_hashed, wheel),
                peer_name="zipfile and sha256",
                target=target,
                rounds=31,
                placement=placement,
            )

    return measured


ROWS: dict[str, Callable[[str], Row]] = {
    "wheel-judge-small": _row(24, 1.5),
    "wheel-judge-1000-files": _row(1000, 1.5),
}
