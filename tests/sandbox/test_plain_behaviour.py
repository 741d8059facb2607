"""A module that was imported plainly behaves as one that Python has imported.

Each source looks at itself from inside, and from a neighbour; what it finds must be
the same both ways (`test_plain_import` compares what the modules show).
"""

from __future__ import annotations

import importlib
import sys
import textwrap
import threading
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import Data
from lockgate_sandbox._zygote import plain
from lockgate_sandbox._zygote.importing import Ahead
from tests.sandbox.plainly import as_in_a_worker, forget
from tests.support.sandbox import Lab, policy

_NAME = "plainly_behaving"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder to import from, in a Python as a worker's is."""
    with as_in_a_worker(_NAME, tmp_path, monkeypatch) as made:
        yield made


def _both_ways(name: str) -> list[Any]:
    """What ``FOUND`` is in a module, or what its import raises: Python's, and ours."""
    found: list[Any] = []
    for load in (importlib.import_module, Ahead().load, _ahead):
        forget(_NAME)
        try:
            load(name)
            found.append(sys.modules[name].FOUND)
        except BaseException as error:
            found.append([type(error).__name__, str(error), name in sys.modules])
    return found


def _ahead(name: str) -> None:
    ahead = Ahead()
    ahead.compile(name)
    ahead.load(name)


_SOURCES = {
    "its source is shown": """
        import inspect
        def function(): return 1
        FOUND = inspect.getsource(function), inspect.getsourcefile(function)
        """,
    "its tracebacks quote it": """
        import traceback
        try: 1 / 0
        except ZeroDivisionError: FOUND = traceback.format_exc()
        """,
    "its classes are pickled by name": """
        import copyreg, dataclasses, enum
        @dataclasses.dataclass
        class Point:
            x: "int" = 1
        class Color(enum.Enum):
            RED = 1
        import sys
        FOUND = (
            Point.__module__,
            getattr(sys.modules[__name__], "Point") is Point,
            repr(Color.RED),
            [field.type for field in dataclasses.fields(Point)],
        )
        """,
    "its hints are looked up in it": """
        from __future__ import annotations
        import typing
        class Node:
            next: Node | None
        FOUND = str(typing.get_type_hints(Node))
        """,
    "it can be loaded again": """
        import importlib, sys
        count = globals().get("count", 0) + 1
        if count == 1: importlib.reload(sys.modules[__name__])
        FOUND = count, __spec__.name, __file__
        """,
    "its resources are found": """
        import importlib.resources, importlib.util, pkgutil
        FOUND = (
            importlib.util.find_spec(__name__).origin,
            __loader__.get_data(__file__)[:20],
            __loader__.is_package(__name__),
            __loader__.get_source(__name__)[:20],
        )
        """,
    "it sees itself half made": """
        import sys
        own = sys.modules[__name__]
        FOUND = own.__spec__._initializing, hasattr(own, "LATER")
        try: from plainly_behaving import LATER
        except ImportError as error: FOUND += (str(error),)
        LATER = 1
        """,
    "it takes itself away": """
        import sys
        del sys.modules[__name__]
        FOUND = 1
        """,
    "it fails": "raise OSError('it can not be')",
    "it leaves": "raise SystemExit(3)",
    "it is no Python": "FOUND = = 1",
    "it is of the future": "x = 1\nfrom __future__ import annotations",
    "it has a mark in front": "\ufeffFOUND = __doc__",
    "it has a text": "'''A text.'''\nFOUND = __doc__, __annotations__ if 0 else None",
    "it warns": """
        import warnings
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            warnings.warn("careful")
        FOUND = told[0].filename, told[0].lineno
        """,
    "it has a main": "FOUND = __name__ == '__main__', __package__",
}


@pytest.mark.parametrize("about", _SOURCES)
def test_a_module_behaves_as_if_python_had_imported_it(
    folder: Path, about: str
) -> None:
    text = textwrap.dedent(_SOURCES[about])
    (folder / f"{_NAME}.py").write_text(text, encoding="utf-8")
    theirs, *ours = _both_ways(_NAME)
    assert ours == [theirs, theirs]


@pytest.mark.parametrize(
    ("data", "good"),
    [
        (b"# coding: latin-1\nFOUND = '\xe4'\n", True),
        (b"#!/usr/bin/python\n# vim: set fileencoding=utf-16 :\nFOUND = 1\n", False),
        (b"# coding: nonsense\nFOUND = 1\n", False),
        (b"\xef\xbb\xbf# coding: latin-1\nFOUND = 1\n", False),
        (b"FOUND = '\xe4'\n", False),
        (b"FOUND = 1\n\0\n", False),
        (b"FOUND = 1\r\nFOUND += 1\rFOUND += 1\n", True),
        (b"", False),
    ],
)
def test_bytes_are_read_as_python_reads_them(
    folder: Path, data: bytes, good: bool
) -> None:
    (folder / f"{_NAME}.py").write_bytes(data)
    theirs, *ours = _both_ways(_NAME)
    assert ours == [theirs, theirs]
    assert isinstance(theirs, list) != good


def test_packages_import_their_neighbours(folder: Path) -> None:
    package = folder / _NAME
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .leaf import LEAF\nFOUND = LEAF\n")
    (package / "leaf.py").write_text(
        "from . import inner\nLEAF = inner.UP + [__name__]"
    )
    (package / "inner" / "__init__.py").write_text(
        "from .. import __name__ as above\nUP = [above, __package__]\nFOUND = UP\n"
    )
    for name in (_NAME, f"{_NAME}.inner"):
        theirs, *ours = _both_ways(name)
        assert ours == [theirs, theirs]


def test_two_modules_that_import_each_other(folder: Path) -> None:
    (folder / f"{_NAME}.py").write_text(
        f"HERE = 1\nimport {_NAME}_too\nFOUND = {_NAME}_too.SEEN\n"
    )
    (folder / f"{_NAME}_too.py").write_text(
        f"import {_NAME}\nSEEN = sorted(vars({_NAME}))[-1], {_NAME}.HERE\n"
    )
    theirs, *ours = _both_ways(_NAME)
    assert ours == [theirs, theirs]


def test_a_thread_waits_for_a_module_that_is_half_made(folder: Path) -> None:
    seen: list[object] = []
    began = threading.Event()
    sys.modules[f"{_NAME}_began"] = began  # type: ignore[assignment] # pyright: ignore
    (folder / f"{_NAME}.py").write_text(
        f"import time, {_NAME}_began as began\n"
        "began.set()\ntime.sleep(0.3)\nWHOLE = True\nFOUND = 1\n"
    )

    def look() -> None:
        began.wait(10)
        seen.append(importlib.import_module(_NAME).WHOLE)

    thread = threading.Thread(target=look)
    thread.start()
    Ahead().load(_NAME)
    thread.join()
    assert seen == [True]


def test_a_module_that_was_exchanged_for_another_is_that_one(folder: Path) -> None:
    """Between the look ahead and the import, and while it is read."""
    file = folder / f"{_NAME}.py"
    file.write_text("FOUND = 'first'\n")
    ahead = Ahead()
    ahead.compile(_NAME)
    other = folder / "other"
    other.write_text("FOUND = 'other'\n")
    other.rename(file)
    ahead.load(_NAME)
    assert sys.modules[_NAME].FOUND == "other"
    forget(_NAME)
    ahead.compile(_NAME)
    file.unlink()
    (folder / "elsewhere.py").write_text("FOUND = 'elsewhere'\n")
    file.symlink_to("elsewhere.py")
    ahead.load(_NAME)
    assert (sys.modules[_NAME].FOUND, sys.modules[_NAME].__file__) == (
        "elsewhere",
        str(file),
    )


def test_an_archive_in_front_of_a_folder_is_looked_into(folder: Path) -> None:
    """Its module was passed over for one of the same name in the folder behind it."""
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr(f"{_NAME}.py", "FOUND = 'archive'\n")
    (folder / f"{_NAME}.py").write_text("FOUND = 'folder'\n")
    sys.path.insert(0, str(folder / "archive.zip"))
    assert plain.find(_NAME, sys.path) is None
    assert _both_ways(_NAME) == ["archive"] * 3


@pytest.mark.parametrize("name", ["sub/mod", "sub/../mod", f"{_NAME}.", "/mod", ""])
def test_a_name_is_one_entry_of_a_folder(folder: Path, name: str) -> None:
    (folder / "sub").mkdir()
    for place in ("sub/mod.py", "mod.py", "__init__.py"):
        (folder / place).write_text("FOUND = 1\n")
    (folder / _NAME).mkdir()
    (folder / _NAME / "__init__.py").write_text("FOUND = 1\n")
    assert plain.find(name, sys.path) is None


@pytest.mark.kernel
@pytest.mark.parametrize("target", ["sub/mod:build", "sub/../mod:build"])
def test_a_target_is_a_module_and_no_path(lab: Lab, target: str) -> None:
    (lab.folder / "sub").mkdir(exist_ok=True)
    for module in ("mod", "sub/mod"):
        lab.write(module, "def build(session): return lambda *asked: 'found'")
    with pytest.raises(Exception, match="No module named"):
        lab.worker(policy(), target=target)


@pytest.mark.kernel
def test_a_worker_takes_what_its_path_names_first(lab: Lab) -> None:
    source = "def build(session): return lambda *asked: {!r}"
    lab.write("twice", source.format("folder"))
    archive = lab.folder / "first.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("twice.py", source.format("archive"))
    path, found = [str(archive), str(lab.folder)], list[Data]()
    for _ in range(3):
        with lab.sandbox.worker(policy(), target="twice:build", path=path) as worker:
            found.append(worker.call("any").value)
    assert found == ["archive"] * 3
