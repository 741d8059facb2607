"""What it costs to judge a wheel's source: the first time, and every other time.

The wheel holds modules of the standard library. bandit reads the same ones out of a
folder, in this process, with its imports done; the second time is compared with
reading the wheel's file and hashing it, which is the least that anybody does with one.
"""

from __future__ import annotations

import hashlib
import sysconfig
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from lockgate.manifest import Manifest, parse_manifest
from lockgate_marketplace.scan import VerdictCache, scan
from lockgate_marketplace.wheel import Wheel, open_wheel, unpack
from tests.bench.harness import Row, paired
from tests.bench.rows_source import bandit_scan
from tests.support.dists import manifest_text
from tests.support.wheels import forge_file

__all__ = ["ROWS"]

_PACKAGES = ("json", "email", "xml", "http")


@contextmanager
def _plugin() -> Generator[tuple[Path, Wheel, Manifest]]:
    """A folder, and in it a plugin with some packages of the standard library."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    files = {
        f"acme/{path.relative_to(stdlib)}": path.read_text("utf-8")
        for package in _PACKAGES
        for path in sorted((stdlib / package).rglob("*.py"))
    }
    with tempfile.TemporaryDirectory() as made:
        text = manifest_text("acme")
        files = {"acme/__init__.py": "", **files}
        path = forge_file(Path(made), "acme", manifest=text, files=files)
        manifest = parse_manifest(text.encode(), file="x", distribution="acme")
        yield Path(made), open_wheel(path), manifest


def _timed(work: Callable[[], object]) -> Callable[[], float]:
    def side() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return side


def _first(name: str) -> Row:
    with _plugin() as (folder, wheel, manifest):
        unpack(wheel, folder / "unpacked")
        return paired(
            name,
            _timed(lambda: scan(wheel, manifest)),
            _timed(bandit_scan(folder / "unpacked" / "site")),
            peer_name="bandit",
            unit="ms",
            rounds=5,
            warmup=1,
            target=1 / 3,
        )


def _again(name: str) -> Row:
    with _plugin() as (folder, wheel, manifest):
        file = folder / wheel.filename
        cache = VerdictCache.below(folder)
        scan(wheel, manifest, cache)
        return paired(
            name,
            _timed(lambda: scan(wheel, manifest, cache)),
            _timed(lambda: hashlib.sha256(file.read_bytes()).hexdigest()),
            peer_name="read + sha256 of the wheel",
            unit="ms",
            rounds=31,
            warmup=3,
            target=2,
        )


ROWS: dict[str, Callable[[str], Row]] = {"scan-wheel": _first, "scan-again": _again}
