"""The store against a plain unpacking, against uv, and against hard links.

Each side starts from the same wheel files on the same disk. What ours does besides is
part of it: the gate judges every byte, and what is written is synced.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from lockgate.owned import sync_folder
from lockgate_marketplace.store import Store, StoredWheel
from lockgate_marketplace.wheel import open_wheel
from tests.bench.harness import Row, Unavailable, paired
from tests.support.wheels import forge_file

__all__ = ["ROWS"]

_SMALL = {f"small/m{n}.py": f"x = {n}\n" * 200 for n in range(12)}
_WHEELS = 16
_FILES_EACH = 120


class _Room:
    """A folder for one row, with numbered folders in it."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
        self._next = itertools.count()

    def fresh(self) -> Path:
        return self.root / str(next(self._next))

    def close(self) -> None:
        for folder, _, _ in os.walk(self.root):
            os.chmod(folder, 0o700)  # noqa: PTH101
        shutil.rmtree(self.root)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _add(name: str) -> Row:
    """Gate and durable commit of a small wheel, and `zipfile` with the same sync."""
    room = _Room()
    wheel = forge_file(room.root / "w", "small", files=_SMALL)

    def ours() -> float:
        store = Store(room.fresh())
        with store.held():  # the store is there; a wheel is what comes
            return _timed(lambda: store.add(open_wheel(wheel)))

    def peer() -> float:
        target, parent = room.fresh(), room.root
        return _timed(lambda: _unzip(wheel, target, parent))

    try:
        return paired(
            name, ours, peer, peer_name="zipfile, synced", target=1.5, unit="ms"
        )
    finally:
        room.close()


def _unzip(wheel: Path, target: Path, parent: Path) -> None:
    aside = target.with_name(f"{target.name}.aside")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(aside)
    descriptor = os.open(aside, os.O_RDONLY)
    ctypes.CDLL(None).syncfs(descriptor)
    os.close(descriptor)
    aside.rename(target)
    sync_folder(parent)


def _uv(name: str) -> Row:
    """A plugin made ready to run: into the store, and into an environment by uv."""
    room = _Room()
    store = Store(room.fresh())
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")

    turn = itertools.count()

    def fresh() -> tuple[str, Path]:
        """A wheel that neither side has seen."""
        name = f"small{next(turn)}"
        files = {path.replace("small", name): text for path, text in _SMALL.items()}
        return name, forge_file(room.root / "w", name, files=files)

    def ours() -> float:
        name, wheel = fresh()

        def work() -> None:
            with store.held():
                entry = store.environment([store.add(open_wheel(wheel))], [name])
                store.commit([entry], reason=f"install {name}")

        return _timed(work)

    def peer() -> float:
        if not Path(uv).exists():
            raise Unavailable("uv is not installed")
        _, wheel = fresh()
        target = str(room.fresh())
        cache = ["--offline", "--quiet", "--cache-dir", str(room.root / "cache")]
        make = [uv, "venv", *cache, "--python", sys.executable, target]
        put = [uv, "pip", "install", *cache, "--no-deps", "--python", target]

        def work() -> None:
            subprocess.run(make, check=True)
            subprocess.run([*put, str(wheel)], check=True)

        return _timed(work)

    try:
        peer_name = "uv venv, uv pip install"
        return paired(name, ours, peer, peer_name=peer_name, target=1 / 8, unit="ms")
    finally:
        room.close()


def _environment(name: str) -> Row:
    """An environment of 16 wheels, 1,920 files, and a hard link for each file."""
    room = _Room()
    store = Store(room.fresh())
    wheels: list[StoredWheel] = []
    for number in range(_WHEELS):
        files = {f"w{number}/m{n}.py": f"x = {n}\n" for n in range(_FILES_EACH)}
        path = forge_file(room.root / "w", f"w{number}", files=files)
        wheels.append(store.add(open_wheel(path)))

    def ours() -> float:
        def work() -> None:
            entry = store.environment(wheels, ["w0"])
            store.commit([entry], reason="bench")

        return _timed(work)

    def peer() -> float:
        target = room.fresh()
        return _timed(lambda: _linked(store, target))

    try:
        return paired(name, ours, peer, peer_name="hard links", target=1.5, unit="ms")
    finally:
        room.close()


def _linked(store: Store, target: Path) -> None:
    for site in store.root.glob("wheels/*/site"):
        for folder, _, names in os.walk(site):
            there = f"{target}/{os.path.relpath(folder, site)}"
            os.makedirs(there, exist_ok=True)  # noqa: PTH103
            for file in names:
                if not os.path.exists(f"{there}/{file}"):  # noqa: PTH110
                    os.link(f"{folder}/{file}", f"{there}/{file}")


ROWS = {
    "store-add": _add,
    "store-install": _uv,
    "store-environment": _environment,
}
