"""What an index costs beside reading its wheels: built again, with one more, anew."""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lockgate_marketplace.site import build
from tests.bench.harness import Row, paired
from tests.marketplace.site.samples import manifest
from tests.support.wheels import forge

__all__ = ["ROWS"]

_WHEELS = 5_000
_VERSIONS = 5
_PAYLOAD_BYTES = 100 * 1024
_HASHING = "sha256 of the same bytes"


@functools.cache
def _stock() -> Path:
    """5,000 wheels in memory: 1,000 projects, half of them plugins, 0.5 GB."""
    folder = Path(tempfile.mkdtemp(prefix="lockgate-bench-", dir="/dev/shm"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "wheels").mkdir()
    payload = os.urandom(_PAYLOAD_BYTES)
    for number in range(_WHEELS // _VERSIONS):
        for version in range(_VERSIONS):
            _write(folder / "wheels", number, f"1.{version}", payload)
    build(folder / "wheels", folder / "site")
    return folder


def _write(wheels: Path, number: int, version: str, payload: bytes) -> Path:
    name = f"p{number}"
    package = f"lockgate_{name}"
    text = manifest(name, summary=f"Plugin {number}.", tags=(f"tag{number % 40}",))
    files = {f"{package}/__init__.py": "", f"{package}/data.bin": payload}
    raw = forge(
        f"lockgate-{name}",
        version,
        manifest=text if number % 2 else None,
        plugin=name,
        files=files,
        deflate=False,
    )
    path = wheels / f"{package}-{version}-py3-none-any.whl"
    path.write_bytes(raw)
    return path


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
    folder = _stock()
    return _row(name, folder, lambda: _built(folder, "site"), target=2.0)


def _one_more(name: str) -> Row:
    """One wheel is new each time: the site is written, and the rest taken over."""
    folder = _stock()
    added: list[Path] = []
    count = [0]

    def side() -> float:
        for path in added:
            path.unlink()
        count[0] += 1
        version = f"2.{count[0]}"
        added[:] = [_write(folder / "wheels", 1, version, os.urandom(1_000))]
        return _built(folder, "site")

    row = _row(name, folder, side, target=2.0)
    added[0].unlink()
    return row


def _anew(name: str) -> Row:
    """Every wheel passes the gate, and every page is made.

    This is far more than hashing: each wheel is copied, each member of it is
    unpacked and hashed against its RECORD, each manifest and page is made.
    """
    folder = _stock()

    def side() -> float:
        shutil.rmtree(folder / "fresh", ignore_errors=True)
        return _built(folder, "fresh")

    return _row(name, folder, side, target=40.0, rounds=1, warmup=0)


def _row(
    name: str,
    folder: Path,
    ours: Callable[[], float],
    *,
    target: float,
    rounds: int = 3,
    warmup: int = 1,
) -> Row:
    return paired(
        name,
        ours,
        lambda: _hash_all(folder / "wheels"),
        peer_name=_HASHING,
        target=target,
        unit="ms",
        rounds=rounds,
        warmup=warmup,
    )


ROWS: dict[str, Callable[[str], Row]] = {
    "index-again": _again,
    "index-one-more": _one_more,
    "index-anew": _anew,
}
