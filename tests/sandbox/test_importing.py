"""Code that is made ahead for a waiting child: used only where nothing changed."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Generator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import Policy, Sandbox, SandboxError, StartError
from lockgate_sandbox._zygote import plain
from lockgate_sandbox._zygote.importing import Ahead
from tests.support.sandbox import open_folder

_NAME = "made_ahead_of_time"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A file that can be imported under a name that nothing else has.

    As in a worker, no compiled file is written: Python itself would believe one that
    is as old as the source to the second.
    """
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = sys.path[:]
    sys.path.append(str(tmp_path))
    yield tmp_path / f"{_NAME}.py"
    sys.path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
        del sys.modules[name]
    importlib.invalidate_caches()


class _Counting(Ahead):
    """Counts the modules that were given code made ahead."""

    given = 0

    def find_spec(self, name: str, path: Sequence[str] | None, *_: object) -> object:
        spec = super().find_spec(name, path)
        self.given += "get_code" in vars(getattr(spec, "loader", None) or self)
        return spec


def _imported(ahead: Ahead, name: str = _NAME) -> dict[str, object]:
    importlib.invalidate_caches()
    with ahead:
        vars_of = vars(importlib.import_module(name))
    assert ahead not in sys.meta_path
    return vars_of


def test_code_made_ahead_is_what_runs(source: Path) -> None:
    source.write_text("RAN = [__name__, __file__]\n")
    ahead = _Counting()
    ahead.compile(_NAME)
    assert _NAME not in sys.modules

    found = _imported(ahead)

    assert ahead.given == 1
    assert found["RAN"] == [_NAME, str(source)]
    assert "get_code" not in vars(found["__loader__"])  # nothing of ours is left


def test_packages_are_made_ahead_down_to_the_module(source: Path) -> None:
    inner = source.with_suffix("") / "deep"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("")
    (inner / "leaf.py").write_text("HERE = __package__\n")
    ahead = _Counting()
    ahead.compile(f"{_NAME}.deep.leaf")
    assert _imported(ahead, f"{_NAME}.deep.leaf")["HERE"] == f"{_NAME}.deep"
    assert ahead.given == 3


@pytest.mark.parametrize("change", ["edited", "touched", "replaced", "removed"])
def test_a_file_that_changed_is_read_again(source: Path, change: str) -> None:
    source.write_text("VALUE = 'old'\n")
    ahead = _Counting()
    ahead.compile(_NAME)
    if change == "removed":
        source.unlink()
        with pytest.raises(ModuleNotFoundError):
            _imported(ahead)
        return
    if change == "replaced":
        new = source.with_name("new")
        new.write_text("VALUE = 'new'\n")
        new.replace(source)
    elif change == "edited":
        source.write_text("VALUE = 'new'\n")
    else:
        source.touch()
    assert _imported(ahead)["VALUE"] == ("old" if change == "touched" else "new")
    assert ahead.given == 0


def test_a_module_that_now_comes_first_is_taken(source: Path, tmp_path: Path) -> None:
    source.write_text("VALUE = 'old'\n")
    ahead = _Counting()
    ahead.compile(_NAME)
    first = tmp_path / "first"
    first.mkdir()
    (first / source.name).write_text("VALUE = 'first'\n")
    sys.path.insert(0, str(first))
    assert _imported(ahead)["VALUE"] == "first"
    assert ahead.given == 0


def _loaded(ahead: Ahead | None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The module, imported as a worker does it: made ahead, or not."""
    monkeypatch.setattr(sys, "meta_path", [*plain.USUAL])  # without pytest's own
    importlib.invalidate_caches()
    made = ahead or Ahead()
    if ahead is not None:
        made.compile(_NAME)
    made.load(_NAME)
    return vars(sys.modules[_NAME])


@pytest.mark.parametrize("made", [True, False])
def test_a_thread_of_the_module_waits_until_it_is_whole(
    source: Path, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    source.write_text(f"""
import threading, time
SEEN, begun = [], threading.Event()
def look():
    begun.set()
    from {_NAME} import LAST
    SEEN.append(LAST)
thread = threading.Thread(target=look)
thread.start()
begun.wait()
time.sleep(0.05)
LAST = 5
""")
    found = _loaded(Ahead() if made else None, monkeypatch)
    found["thread"].join(5)
    assert found["SEEN"] == [5]


@pytest.mark.parametrize("text", ["1 / 0\n", "x = (\n", "import sys\nsys.exit()\n"])
@pytest.mark.parametrize("made", [True, False])
def test_a_module_that_raises_leaves_neither_itself_nor_a_lock(
    source: Path, monkeypatch: pytest.MonkeyPatch, made: bool, text: str
) -> None:
    source.write_text(text)
    with pytest.raises((ZeroDivisionError, SyntaxError, SystemExit)):
        _loaded(Ahead() if made else None, monkeypatch)
    assert _NAME not in sys.modules
    source.write_text("OTHER = 'thread'\n")
    importlib.invalidate_caches()
    seen: list[object] = []
    thread = threading.Thread(
        target=lambda: seen.append(importlib.import_module(_NAME)), daemon=True
    )
    thread.start()
    thread.join(5)
    assert seen


def _looked_for_again(ahead: Ahead, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the finders of Python are asked while the module is imported."""
    asked: list[str] = []
    find = PathFinder.find_spec

    def counting(name: str, *rest: Any) -> object:
        asked.append(name)
        return find(name, *rest)

    monkeypatch.setattr(PathFinder, "find_spec", counting)
    with ahead:
        importlib.import_module(_NAME)
    return asked.count(_NAME)


@pytest.mark.parametrize("change", ["", "before", "beside", "package", "finder"])
def test_a_module_is_looked_for_again_only_where_a_folder_changed(
    source: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = source.parent / "before"
    before.mkdir()
    sys.path.insert(0, str(before))
    source.write_text("VALUE = 'found ahead'\n")
    os.utime(before, (1, 1))
    os.utime(source.parent, (1, 1))
    more = [_Foreign] if change == "finder" else []
    monkeypatch.setattr(sys, "meta_path", [*plain.USUAL, *more])
    ahead = _Counting()
    ahead.compile(_NAME)
    if change == "before":
        (before / source.name).write_text("VALUE = 'comes first'\n")
    elif change == "beside":
        (source.parent / "other.py").touch()
    elif change == "package":
        package = source.with_suffix("")
        package.mkdir()
        (package / "__init__.py").write_text("VALUE = 'comes first'\n")

    times = _looked_for_again(ahead, monkeypatch)

    value = vars(sys.modules[_NAME])["VALUE"]
    assert value == (
        "comes first" if change in ("before", "package") else "found ahead"
    )
    assert times == (1 if change else 0)


_BRINGS_A_FINDER = """
import sys
from importlib.machinery import FileFinder, PathFinder, SourceFileLoader

class Other(SourceFileLoader):
    def source_to_code(self, data, path, **more):
        return super().source_to_code(data.replace(b"plain", b"other"), path, **more)

class Last:
    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader = Other(name, spec.origin)
        return spec

if {way!r} == "hook":
    sys.path_hooks.insert(0, FileFinder.path_hook((Other, [".py"])))
    sys.path_importer_cache.clear()
elif {way!r} == "finder":
    sys.meta_path[:] = [f for f in sys.meta_path if f is not PathFinder] + [Last]
"""


@pytest.mark.parametrize("way", ["none", "hook", "finder"])
def test_a_package_decides_how_its_modules_are_imported(
    source: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    package = source.with_suffix("")
    package.mkdir()
    (package / "__init__.py").write_text(_BRINGS_A_FINDER.format(way=way))
    (package / "leaf.py").write_text("VALUE = 'plain'\n")
    monkeypatch.setattr(sys, "meta_path", [*plain.USUAL])
    monkeypatch.setattr(sys, "path_hooks", sys.path_hooks[:])
    ahead = _Counting()
    ahead.compile(f"{_NAME}.leaf")
    try:
        with ahead:
            leaf = importlib.import_module(f"{_NAME}.leaf")
    finally:
        sys.path_importer_cache.clear()
    assert vars(leaf)["VALUE"] == ("plain" if way == "none" else "other")
    assert ahead.given == (2 if way == "none" else 1)


class _Foreign:
    """A finder that a library has brought."""

    @staticmethod
    def find_spec(*_: object) -> None:
        """Find nothing."""


@pytest.mark.parametrize(
    "text", ["def broken(:\n", "VALUE = '\\x00'\0\n", "x = " + "(" * 5000, "\xff"]
)
def test_what_can_not_be_compiled_is_told_by_the_import(
    source: Path, text: str
) -> None:
    source.write_bytes(text.encode("latin-1"))
    ahead = _Counting()
    ahead.compile(_NAME)
    with pytest.raises((SyntaxError, ValueError, MemoryError, RecursionError)):
        _imported(ahead)


def test_a_warning_of_the_compiler_is_told_by_the_import(
    source: Path, recwarn: pytest.WarningsRecorder
) -> None:
    source.write_text("VALUE = 1 is 1\n")
    ahead = _Counting()
    sys.stderr.flush()
    ahead.compile(_NAME)
    recwarn.clear()
    assert _imported(ahead)["VALUE"] is True


_PRINTS = """
print("imported")

def build(session):
    return lambda method, arguments: VALUE

VALUE = {value!r}
"""


@pytest.mark.kernel
def test_a_waiting_child_runs_nothing_and_then_what_the_file_says() -> None:
    policy = Policy.for_tier("read-only")
    with open_folder() as folder, Sandbox.open() as sandbox:
        file = folder / "plugin.py"
        file.write_text(_PRINTS.format(value="old"))

        def ask() -> tuple[object, str]:
            with sandbox.worker(
                policy, target="plugin:build", path=[str(folder)]
            ) as worker:
                reply = worker.call("x")
            time.sleep(0.1)  # the next child is forked, and looks at the file
            return reply.value, reply.output

        told = [ask() for _ in range(3)]
        file.write_text(_PRINTS.format(value="new and longer"))
        told.append(ask())
        file.write_text("raise ValueError('now it fails')\n")
        with pytest.raises(StartError, match="now it fails"):
            ask()

    assert told == [("old", "imported\n")] * 3 + [("new and longer", "imported\n")]


@pytest.mark.kernel
def test_source_that_no_compiler_takes_is_told_by_the_worker() -> None:
    policy = Policy.for_tier("read-only")
    with open_folder() as folder, Sandbox.open() as sandbox:
        file = folder / "plugin.py"
        file.write_text(_PRINTS.format(value=1))

        def ask() -> object:
            with sandbox.worker(
                policy, target="plugin:build", path=[str(folder)]
            ) as worker:
                return worker.call("x").value

        assert [ask(), ask()] == [1, 1]
        file.write_text("x = " + "-" * 90_000 + "1\n")
        for _ in range(3):
            with pytest.raises(SandboxError):
                ask()
            time.sleep(0.1)
        file.write_text(_PRINTS.format(value=2))
        assert ask() == 2


_SHOWS = """
import os, resource, sys

def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False

def build(session, **arguments):
    def handler(method, given):
        return {
            "argv": sys.argv,
            "path": sys.path,
            "main": sorted(vars(sys.modules["__main__"])),
            "finders": [getattr(f, "__name__", str(type(f))) for f in sys.meta_path],
            "module": sorted(vars(sys.modules[__name__])),
            "spec": [__spec__.origin, __spec__.cached, __file__, __cached__],
            "loader": sorted(vars(__loader__)),
            "files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "open": sum(map(is_open, range(64))),
            "cwd": os.getcwd(),
            "arguments": arguments,
            "session": [session.tier, session.name, session.programs],
        }
    return handler
"""


@pytest.mark.kernel
def test_a_child_that_was_told_of_its_job_is_like_any_other() -> None:
    policy = Policy.for_tier("read-only")
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "plugin.py").write_text(_SHOWS)
        shown: list[Any] = []
        for number in range(4):
            with sandbox.worker(
                policy,
                target="plugin:build",
                path=[str(folder)],
                arguments={"number": number},
                name="shown",
            ) as worker:
                reply = worker.call("x")
                shown.append(reply.value)
                assert reply.usage.peak_memory_bytes > 1 << 20
            time.sleep(0.1)  # the next one is told, and looks at the file
    assert [one.pop("arguments") for one in shown] == [{"number": n} for n in range(4)]
    for one in shown:
        for name, told in one.items():
            assert (name, told) == (name, shown[0][name])
