"""Discovery at 200 and 1000 distributions, against importlib.metadata and stevedore.

What is measured is the first call in a fresh process, imports left out on every
side and ``sys.path`` searched by each; a tenth of the distributions are plugins, and
all sides find the same ones. What every side hands out is names, which rest on entry
points: ours compares time, size and inode of every plugin's, stevedore a rounded
time. The rows ``states`` have ours hand out each plugin's whole state, after a look
at every file that it rests on. In the rows ``store`` all 200 are plugins: ours in the
store, each with an environment of its own, the peer's in one folder.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import stevedore

import lockgate
from lockgate.discovery import discover
from tests.bench.harness import Row, paired
from tests.support.dists import SitePackages
from tests.support.stores import Kept

__all__ = ["ROWS"]

SETTLE_SECONDS = 0.1
"""Until the files are no longer so new that an index must doubt them."""

TIMED = """\
import sys, time
folder, cache, *libraries = sys.argv[1:]
before = sys.path[1:]
sys.path += libraries
{imports}
sys.path[:] = [folder, *before]
started = time.perf_counter()
found = {find}
print(time.perf_counter() - started, found)
"""

# The cold call validates every manifest; the libraries for that are imports too.
OURS = (
    "import lockgate.discovery as d, json",
    "len([name for name in d.discover(cache_dir=cache).names if name])",
)
STATES = (
    OURS[0],
    "len([p for p in d.discover(cache_dir=cache).plugins if p.usable])",
)
COLD = (
    "import lockgate.discovery._resolve, lockgate._manifest.read\n"
    "import packaging.specifiers\n" + OURS[0],
    "len(d.discover().plugins)",
)
STORED_PLUGINS = "d.discover([], cache_dir=cache, data_dir=folder + '-data')"
STORED = (
    "import lockgate.discovery._store, json, lockgate.discovery as d",
    f"len([name for name in {STORED_PLUGINS}.names if name])",
)
STORED_STATES = (
    STORED[0],
    f"len([p for p in {STORED_PLUGINS}.plugins if p.usable])",
)
METADATA = (
    "import importlib.metadata as m",
    "len(m.entry_points(group='lockgate.manifest'))",
)
STEVEDORE = (
    "import stevedore._cache as c",
    "len([e for e in c.get_group_all('lockgate.manifest') if e.value])",
)


@functools.cache
def _site(count: int) -> tuple[str, str]:
    """A folder of `count` distributions, a tenth of them plugins, and a cache."""
    root = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    site = SitePackages(root / "site-packages")
    site.many(count, plugins=count // 10)
    time.sleep(SETTLE_SECONDS)
    cache = str(root / "cache")
    tell = "import sys; print(*sys.path[1:], sep=chr(0), end='')"
    bare = [sys.executable, "-S", "-c", tell]
    done = subprocess.run(bare, capture_output=True, text=True, check=True)
    for _ in range(2):
        discover([site.path, *done.stdout.split("\0")], cache_dir=cache)
    return site.path, cache


@functools.cache
def _store(count: int) -> tuple[str, str]:
    """`count` plugins in a folder, the same in a store beside it, and a cache."""
    root = Path(tempfile.mkdtemp(prefix="lockgate-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    site = SitePackages(root / "site")
    site.many(count, plugins=count)
    kept = Kept(root / "site-data")
    library = kept.wheel("library", plugin="")
    names = [f"plugin-{number:04d}" for number in range(count)]
    kept.commit(*(kept.entry(kept.wheel(name), library) for name in names))
    time.sleep(SETTLE_SECONDS)
    cache = str(root / "cache")
    for _ in range(2):
        discover([], cache_dir=cache, data_dir=str(kept.data))
    return site.path, cache


def _first_call(
    count: int, side: tuple[str, str], *, stored: bool = False
) -> Callable[[], float]:
    path, cache = _store(count) if stored else _site(count)
    plugins = count if stored else count // 10
    imports, find = side
    code = TIMED.format(imports=imports, find=find)
    # -S: the environment's own distributions would be searched as well. What a
    # side imports is found in these folders, which leave the path before the call.
    libraries = [
        str(Path(str(module.__file__)).parents[1]) for module in (stevedore, lockgate)
    ]
    env = {"HOME": str(Path(cache).parent), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, "-S", "-c", code, path, cache, *libraries]

    def run() -> float:
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        seconds, found = done.stdout.split()
        if int(found) != plugins:
            raise RuntimeError(f"found {found} plugins")
        return float(seconds)

    return run


def _row(
    count: int,
    peer_name: str,
    peer: tuple[str, str],
    target: float,
    ours: tuple[str, str] = OURS,
    *,
    stored: bool = False,
) -> Callable[[str], Row]:
    def run(name: str) -> Row:
        return paired(
            name,
            _first_call(count, ours, stored=stored),
            _first_call(count, peer, stored=stored),
            peer_name=peer_name,
            target=target,
            unit="ms",
        )

    return run


ROWS = {
    "discovery-200-metadata": _row(200, "importlib.metadata", METADATA, 1 / 30),
    "discovery-200-stevedore": _row(200, "stevedore, warm", STEVEDORE, 1 / 16),
    "discovery-200-states": _row(200, "stevedore, warm", STEVEDORE, 1 / 6, STATES),
    "discovery-200-store": _row(
        200, "stevedore, warm", STEVEDORE, 1 / 4, STORED, stored=True
    ),
    "discovery-200-store-states": _row(
        200, "stevedore, warm", STEVEDORE, 3 / 4, STORED_STATES, stored=True
    ),
    "discovery-1000-metadata": _row(1000, "importlib.metadata", METADATA, 1 / 30),
    "discovery-1000-stevedore": _row(1000, "stevedore, warm", STEVEDORE, 1 / 12),
    "discovery-1000-states": _row(1000, "stevedore, warm", STEVEDORE, 1 / 6, STATES),
    "discovery-1000-cold": _row(1000, "importlib.metadata", METADATA, 2.5, COLD),
}
