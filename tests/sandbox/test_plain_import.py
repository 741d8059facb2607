"""The plain case of an import: what it makes is what Python makes, or nothing."""

from __future__ import annotations

import compileall
import importlib
import os
import sys
from collections.abc import Callable, Generator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox._zygote import plain
from lockgate_sandbox._zygote.importing import Ahead
from tests.sandbox.plainly import as_in_a_worker, forget

_NAME = "plainly_imported"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder to import from, in a Python as a worker's is."""
    with as_in_a_worker(_NAME, tmp_path, monkeypatch) as made:
        yield made


def _package(folder: Path) -> str:
    inner = folder / _NAME / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("HERE = __path__\n")
    (inner / "__init__.py").write_text("")
    (inner / "leaf.py").write_text("from . import __name__ as parent\n")
    return f"{_NAME}.inner.leaf"


def _module(folder: Path) -> str:
    (folder / f"{_NAME}.py").write_text("# -*- coding: latin-1 -*-\nVALUE = 1\n")
    return _NAME


def _compiled(folder: Path) -> str:
    name = _module(folder)
    compileall.compile_dir(folder, quiet=1)
    return name


def _compiled_elsewhere(folder: Path) -> str:
    name = _module(folder)
    compileall.compile_dir(folder, quiet=1, stripdir=str(folder))
    return name


def _compiled_by_hash(folder: Path) -> str:
    name = _module(folder)
    os.environ["SOURCE_DATE_EPOCH"] = "1"
    try:
        compileall.compile_dir(folder, quiet=1)
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
    return name


def _stale(folder: Path) -> str:
    name = _compiled(folder)
    (folder / f"{_NAME}.py").write_text("VALUE = 'changed since'\n")
    return name


def _shown(thing: object) -> dict[str, str]:
    return {key: repr(value) for key, value in vars(thing).items()}


def _seen(name: str) -> list[dict[str, object]]:
    """What a module and the packages that it is in show of themselves."""
    parts = name.split(".")
    found: list[dict[str, object]] = []
    for length in range(1, len(parts) + 1):
        module: Any = sys.modules[".".join(parts[:length])]
        shown = _shown(module)
        del shown["__builtins__"]
        shown |= {f"spec.{key}": it for key, it in _shown(module.__spec__).items()}
        shown["parent"] = str(module.__spec__.parent)
        shown["code"] = module.__loader__.get_code(module.__name__).co_filename
        found.append(
            {
                key: value.partition(" at 0x")[0]
                for key, value in sorted(shown.items())
                if "_uninitialized" not in key and "loader_state" not in key
            }
        )
    return found


@pytest.mark.parametrize(
    "make",
    [_module, _package, _compiled, _compiled_elsewhere, _compiled_by_hash, _stale],
)
def test_a_plain_module_is_as_python_imports_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], str]
) -> None:
    name = make(folder)
    importlib.import_module(name)
    theirs = _seen(name)
    forget(_NAME)

    def never(*_: object) -> None:
        raise AssertionError("this was left to Python")

    with monkeypatch.context() as patch:
        patch.setattr(Ahead, "__enter__", never)
        Ahead().load(name)
        ours = _seen(name)
        forget(_NAME)
        ahead = Ahead()
        ahead.compile(name)
        ahead.load(name)

    assert ours == _seen(name) == theirs


def _extension(folder: Path) -> None:
    (folder / f"{_NAME}{EXTENSION_SUFFIXES[0]}").touch()


def _bytecode_alone(folder: Path) -> None:
    (folder / f"{_NAME}.pyc").touch()


def _namespace(folder: Path) -> None:
    (folder / _NAME).mkdir()


def _foreign_finder(folder: Path) -> None:
    _module(folder)
    sys.meta_path.insert(0, object)  # type: ignore[arg-type]


def _relative(folder: Path) -> None:
    _module(folder)
    os.chdir(folder)
    sys.path[-1] = "."


def _folder_of_that_name(folder: Path) -> None:
    (folder / f"{_NAME}.py").mkdir()


@pytest.mark.parametrize(
    "make",
    [
        _extension,
        _bytecode_alone,
        _namespace,
        _foreign_finder,
        _relative,
        _folder_of_that_name,
    ],
)
def test_what_is_not_plain_is_left_to_python(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(folder)
    make(folder)
    assert plain.find(_NAME, sys.path) is None


def test_modules_of_the_interpreter_are_left_to_it(folder: Path) -> None:
    for name in ("_io", "__hello__"):
        (folder / f"{name}.py").write_text("")
        assert plain.find(name, [str(folder)]) is None


def test_a_module_that_fails_is_none(folder: Path) -> None:
    (folder / f"{_NAME}.py").write_text("raise OSError('it can not be')\n")
    with pytest.raises(OSError, match="it can not be"):
        Ahead().load(_NAME)
    assert _NAME not in sys.modules
    with pytest.raises(ModuleNotFoundError, match=f"{_NAME}_too"):
        Ahead().load(f"{_NAME}_too")


@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_in_no_package_is_not_found(folder: Path, ahead: bool) -> None:
    _module(folder)
    (folder / "leaf.py").write_text("")  # what lies there is not in the module
    loader = Ahead()
    if ahead:
        loader.compile(f"{_NAME}.leaf")

    with pytest.raises(ModuleNotFoundError, match="is not a package"):
        loader.load(f"{_NAME}.leaf")


def test_a_module_that_puts_another_in_its_place_is_that_one(folder: Path) -> None:
    package = folder / _NAME
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "leaf.py").write_text("import sys\nsys.modules[__name__] = 'instead'\n")
    Ahead().load(f"{_NAME}.leaf")
    assert sys.modules[_NAME].leaf == "instead"
