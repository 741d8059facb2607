"""What an index costs beside reading its wheels: built again, with one more, anew.

The wheels hold modules of the standard library, deflated as build tools do it. Their
sizes are those of the 196 pure wheels in this project's own development environment:
unpacked half are below 63 kB, the mean is 612 kB.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import shutil
import struct
import sysconfig
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from lockgate_marketplace.site import build
from tests.bench.harness import Row, paired
from tests.marketplace.site.samples import manifest
from tests.support.wheels import Draft
from tests.support.zips import DEFLATED

__all__ = ["ROWS"]

_WHEELS = 5_000
_VERSIONS = 5
_FRESH_WHEELS = 500
"""Of these an index is made anew: each wheel costs the same."""

_SOURCE_KB = (13, 17, 23, 42, 63, 104, 206, 314, 638, 4700)
"""Unpacked sizes: nine deciles, and the largest tenth by its mean."""


@functools.cache
def _modules(number: int) -> dict[str, tuple[bytes, bytes]]:
    """Modules of one of the sizes, by name: each as it is, and deflated."""
    left = _SOURCE_KB[number] * 1024
    found: dict[str, tuple[bytes, bytes]] = {}
    stdlib = Path(sysconfig.get_path("stdlib"))
    for path in sorted(stdlib.glob("*.py")) + sorted(stdlib.glob("[a-z]*/*.py")):
        if left <= 0:
            break
        data = path.read_bytes()[:left]
        left -= len(data)
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        name = f"{path.parent.name}_{path.name}" if path.parent != stdlib else path.name
        found[name] = data, packer.compress(data) + packer.flush()
    return found


@functools.cache
def _stock(count: int) -> Path:
    """Wheels in memory, five of each project, half of which are plugins."""
    folder = Path(tempfile.mkdtemp(prefix="lockgate-bench-", dir="/dev/shm"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "wheels").mkdir()
    for number in range(count // _VERSIONS):
        for version in range(_VERSIONS):
            _write(folder / "wheels", number, f"1.{version}")
    build(folder / "wheels", folder / "site")
    return folder


def _write(wheels: Path, number: int, version: str) -> Path:
    name = f"p{number}"
    package = f"lockgate_{name}"
    draft = Draft(f"lockgate-{name}", version)
    draft.add(f"{package}/__init__.py")
    for file, (data, packed) in _modules(number % len(_SOURCE_KB)).items():
        path = f"{package}/{file}"
        draft.add(path, data, deflate=True, packed=packed)
    if number % 2:
        text = manifest(name, summary=f"Plugin {number}.", tags=(f"tag{number % 40}",))
        draft.add(f"{package}/lockgate.toml", text)
        draft.points({"lockgate.manifest": {name: f"{package}:lockgate.toml"}})
    return draft.seal().write(wheels)


def _hash_all(wheels: Path) -> float:
    started = time.perf_counter()
    for path in sorted(wheels.iterdir()):
        with path.open("rb", buffering=0) as file:
            hashlib.file_digest(file, "sha256").hexdigest()
    return time.perf_counter() - started


def _built(folder: Path, site: str) -> float:
    started = time.perf_counter()
    build(folder / "wheels", folder / site)
    return time.perf_counter() - started


def _again(name: str) -> Row:
    """Nothing is new."""
    folder = _stock(_WHEELS)
    return _row(name, folder, lambda: _built(folder, "site"))


def _one_more(name: str) -> Row:
    """One wheel is new each time: the site is written, and the rest taken over."""
    folder = _stock(_WHEELS)
    added: list[Path] = []
    count = [0]

    def side() -> float:
        for path in added:
            path.unlink()
        count[0] += 1
        added[:] = [_write(folder / "wheels", 1, f"2.{count[0]}")]
        return _built(folder, "site")

    row = _row(name, folder, side)
    added[0].unlink()
    return row


def _row(name: str, folder: Path, ours: Callable[[], float]) -> Row:
    wheels = folder / "wheels"
    return paired(
        name,
        ours,
        lambda: _hash_all(wheels),
        peer_name="sha256 of the same bytes",
        target=2.0,
        unit="ms",
        rounds=3,
        warmup=1,
    )


Layout = list[tuple[Path, list[tuple[int, int, int]]]]
"""Of each wheel where each member's bytes begin and end, and its method."""


def _layout(wheels: Path) -> Layout:
    found: Layout = []
    for path in sorted(wheels.iterdir()):
        raw = path.read_bytes()
        members: list[tuple[int, int, int]] = []
        with zipfile.ZipFile(path) as archive:
            for one in archive.infolist():
                lengths = struct.unpack_from("<HH", raw, one.header_offset + 26)
                begin = one.header_offset + 30 + sum(lengths)
                members.append((begin, begin + one.compress_size, one.compress_type))
        found.append((path, members))
    return found


def _inflate_all(layout: Layout) -> float:
    """The least for who looks into wheels: zlib and sha256, and not one check."""
    started = time.perf_counter()
    for path, members in layout:
        raw = memoryview(path.read_bytes())
        hashlib.sha256(raw).hexdigest()
        for begin, end, method in members:
            data = raw[begin:end]
            made = zlib.decompress(data, -15) if method == DEFLATED else data
            hashlib.sha256(made).digest()
    return time.perf_counter() - started


def _anew(name: str) -> Row:
    """Every wheel passes the gate, and every page is made."""
    folder = _stock(_FRESH_WHEELS)
    layout = _layout(folder / "wheels")

    def side() -> float:
        shutil.rmtree(folder / "fresh", ignore_errors=True)
        return _built(folder, "fresh")

    return paired(
        name,
        side,
        lambda: _inflate_all(layout),
        peer_name="zlib and sha256 of every member, unchecked",
        target=2.0,
        unit="ms",
        rounds=3,
        warmup=1,
    )


def _anew_floor(name: str) -> Row:
    """That least, in our place, against hashing the wheels alone."""
    wheels = _stock(_FRESH_WHEELS) / "wheels"
    layout = _layout(wheels)
    return _row(name, wheels.parent, lambda: _inflate_all(layout))


ROWS: dict[str, Callable[[str], Row]] = {
    "index-again": _again,
    "index-one-more": _one_more,
    "index-anew": _anew,
    "floor-index-anew": _anew_floor,
}
