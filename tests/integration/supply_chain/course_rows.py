"""Rows about what goes wrong on the way, and what an environment is afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate.config import Config
from lockgate.host import Host
from lockgate.values import Tree
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
from tests.integration.supply_chain.environments import Environment
from tests.integration.supply_chain.rows import Outcome, Part, Row, Tool
from tests.support.dists import manifest_text
from tests.support.wheels import forge_file

__all__ = ["PART"]

_FILES = 5_000
_INODES = 800
_ROUNDS = 6
_PATIENCE_SECONDS = 60

_OURS = """
import sys
from pathlib import Path
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
data, wheel = sys.argv[1:]
store = Store(data)
with store.held():
    entry = store.environment([store.add(open_wheel(Path(wheel)))], ["many"])
    store.commit([entry], reason="install")
"""
_FULL = """
import json, sys
from pathlib import Path
from subprocess import run
from tests.integration.supply_chain.course_rows import on_a_full_disk
tool, wheel, place, options = sys.argv[1:]
run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
print(json.dumps(on_a_full_disk(tool, Path(wheel), Path(place))))
"""
_WRITES = """
from lockgate.plugin import Document, Transformation, Tree, hookimpl
import library

@hookimpl
def transform(tree: Tree, options: Document) -> Transformation:
    try:
        with open(library.__file__, "a") as file:
            file.write("word = 'evil'")
    except OSError as error:
        return Transformation(Tree.of({"said": type(error).__name__}))
    return Transformation(Tree.of({"said": "done"}))
"""


def _wheel(base: Path, version: str = "1.0", files: int = _FILES) -> Path:
    """Many small files, each of which tells its version."""
    made = {f"many/m{n}.py": f"version = {version!r}\n" for n in range(files)}
    made[f"many/only_{version.replace('.', '_')}.py"] = ""
    return forge_file(base, "many", version, files=made, manifest=True)


def _install_ours(data: Path, wheel: Path) -> list[str]:
    return [sys.executable, "-c", _OURS, str(data), str(wheel)]


def _kill(command: list[str], environ: dict[str, str] | None, into: Path) -> None:
    """Start it, and kill it and its children when a part of the files is in `into`."""
    process = subprocess.Popen(
        command,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if _count(into) >= _FILES // 10:
            break
        time.sleep(0.001)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "it was not killed in the middle"


def _count(folder: Path) -> int:
    found = 0
    for place in (folder / "many", *folder.glob("*/site/many"), *folder.glob("*/many")):
        try:
            found += sum(1 for _ in os.scandir(place))
        except OSError:
            continue
    return found


def _killed_by_tool(tool: Tool, base: Path) -> Outcome:
    environment = Environment(base)
    command, environ = environment.command(tool, "--no-index", _wheel(base / "wheels"))
    _kill(command, environ, environment.site)
    left = _count(environment.site)
    if list(environment.site.glob("many-*.dist-info")) and left < _FILES:
        text = f"looks installed, with {left:,} of {_FILES:,} files"
        return Outcome("succeeded", text)
    return Outcome("succeeded", f"leaves {left:,} files that belong to nothing")


def _killed_by_us(base: Path) -> Outcome:
    data, wheel = base / "data", _wheel(base / "wheels")
    _kill(_install_ours(data, wheel), None, data / "store" / "staging")
    store = Store(str(data))
    if store.folder.read().entries or list(store.verify()):
        return Outcome("succeeded", "is half there")
    subprocess.run(_install_ours(data, wheel), check=True)
    whole = len(store.folder.read().entries) == 1 and not list(store.verify())
    left = list((data / "store" / "staging").iterdir())
    if left or not whole:
        return Outcome("succeeded", "leaves files behind")
    return Outcome("refused", _WHOLE)


_WHOLE = "nothing is in force; the next run finishes"


def on_a_full_disk(tool: Tool, wheel: Path, place: Path) -> list[object]:
    """Status, files that are left, and whether it looks installed; within a tmpfs."""
    if tool == "lockgate":
        done = subprocess.run(
            _install_ours(place / "data", wheel), capture_output=True, check=False
        )
        store = Store(str(place / "data"))
        left = _count(store.root / "staging") + _count(store.root / "wheels")
        return [done.returncode, left, bool(store.folder.read().entries)]
    environment = Environment(place)
    found = environment.install(tool, "--no-index", wheel)
    looks = bool(list(environment.site.glob("many-*.dist-info")))
    return [found.status, _count(environment.site), looks]


def _full(tool: Tool, base: Path) -> Outcome:
    wheel, place = _wheel(base / "wheels"), base / "full"
    place.mkdir()
    options = f"size=64m,nr_inodes={_INODES}"
    command = [sys.executable, "-c", _FULL, tool, str(wheel), str(place), options]
    done = subprocess.run(
        ["unshare", "-rm", *command], capture_output=True, text=True, check=True
    )
    status, left, looks = json.loads(done.stdout)
    if left or looks or not status:
        return Outcome("succeeded", f"leaves {left:,} files that belong to nothing")
    return Outcome("refused", "refuses, and leaves nothing")


def _at_once(commands: list[tuple[list[str], dict[str, str] | None]]) -> list[int]:
    running = [
        subprocess.Popen(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for command, env in commands
    ]
    return [one.wait(_PATIENCE_SECONDS) for one in running]


_ONE = "one of the two, whole"


def _mixed(folder: Path, releases: int) -> Outcome:
    """What four installs of two releases left in the package's folder."""
    versions = {path.read_text() for path in folder.glob("m*.py")}
    markers = list(folder.glob("only_*.py"))
    if (releases, len(versions), len(markers)) == (1, 1, 1):
        return Outcome("refused", _ONE)
    what = "two releases at once" if releases > 1 else "one release"
    return Outcome("succeeded", f"{what}, their files mixed")


def _four_by_tool(tool: Tool, base: Path) -> Outcome:
    """It is a race: what can go wrong has gone wrong after some rounds."""
    wheels = [_wheel(base / "wheels", version, 1000) for version in ("1.0", "2.0")] * 2
    found = Outcome("refused", _ONE)
    for number in range(_ROUNDS):
        environment = Environment(base / str(number))
        _at_once([environment.command(tool, "--no-index", wheel) for wheel in wheels])
        releases = len(list(environment.site.glob("many-*.dist-info")))
        found = _mixed(environment.site / "many", releases)
        if found.verdict == "succeeded":
            break
    return found


def _four_by_us(base: Path) -> Outcome:
    wheels = [_wheel(base / "wheels", version, 400) for version in ("1.0", "2.0")] * 2
    data = base / "data"
    ended = _at_once([(_install_ours(data, wheel), None) for wheel in wheels])
    store = Store(str(data))
    (entry,) = store.folder.read().entries
    assert ended == [0] * 4
    assert not list(store.verify())
    (folder,) = entry.folders(str(store.root))
    return _mixed(Path(folder) / "many", 1)


def _poison_by_tool(tool: Tool, base: Path) -> Outcome:
    made = [Environment(base / name) for name in ("one", "two", "later")]
    wheel = forge_file(base / "wheels", "library", files={"library.py": "word = 1\n"})
    cache = str(base / "cache")
    for environment in made[:2]:
        assert not environment.install(tool, "--no-index", wheel, cache=cache).status
    with (made[0].site / "library.py").open("a") as file:
        file.write("word = 'evil'\n")
    assert not made[2].install(tool, "--no-index", wheel, cache=cache).status
    other, later = ("evil" in (e.site / "library.py").read_text() for e in made[1:])
    if other or later:
        where = ["in the other one"] * other + ["in one that is made later"] * later
        return Outcome("succeeded", f"changes it {' and '.join(where)}")
    return Outcome("silent", "changes it in its own only")


_SEALED = "the plugin may not write there"


def _poison_by_us(base: Path) -> Outcome:
    wheels = [
        forge_file(
            base,
            "acme",
            manifest=manifest_text("acme"),
            files={"acme/__init__.py": _WRITES},
        ),
        forge_file(base, "library", files={"library.py": "word = 1\n"}),
    ]
    # A worker may run as a user without rights: it must be able to reach the store.
    with TemporaryDirectory(prefix="lockgate-test-") as name:
        Path(name).chmod(0o755)
        config = Config(
            grants_file=f"{name}/grants/grants.toml",
            cache_dir=f"{name}/cache",
            data_dir=f"{name}/data",
            state_dir=f"{name}/state",
        )
        store = Store(config.data_dir)
        with store.held():
            stored = [store.add(open_wheel(wheel)) for wheel in wheels]
            store.commit([store.environment(stored, ["acme"])], reason="install")
        with Host.open(config, search_path=[]) as host:
            got = host.call("transform", plugin="acme", tree=Tree.of({}), options={})
        said = got.first.tree["said"].text
        if said == "done" or list(store.verify()):
            return Outcome("succeeded", "changes it in every environment")
    return Outcome("refused", _SEALED)


def _row(
    name: str,
    by_tool: Callable[[Tool, Path], Outcome],
    by_us: Callable[[Path], Outcome],
    ours: str,
    *,
    slow: bool = False,
) -> Row:
    runs: dict[Tool, Callable[[Path], Outcome]] = {
        "pip": lambda base: by_tool("pip", base),
        "uv": lambda base: by_tool("uv", base),
        "lockgate": by_us,
    }
    return Row(name, "", runs, slow=slow, ours=ours)


PART = Part(
    "What goes wrong on the way",
    f"The wheels are honest. Of {_FILES:,} small files a part is there when the "
    "process is killed, or the disk has no inodes left; two releases are installed by "
    "four processes at once; a plugin writes into its own environment, to change "
    "another's.",
    (
        _row("kill -9 in the middle", _killed_by_tool, _killed_by_us, _WHOLE),
        _row(
            "a disk without inodes",
            _full,
            lambda base: _full("lockgate", base),
            "refuses, and leaves nothing",
            slow=True,
        ),
        _row("four installs of two releases", _four_by_tool, _four_by_us, _ONE),
        _row(
            "a plugin that changes a library", _poison_by_tool, _poison_by_us, _SEALED
        ),
    ),
)
