"""The plain case of an import: a source file in a folder, and Python's own finders.

Python imports by code of its own, and whoever runs that for one module looks at some
fifty functions once: a worker copies sixty pages of its zygote for them. Here is what
it comes to where nothing is unusual; all else is left to Python.
"""

# Runs in the worker: no pathlib.

from __future__ import annotations

import _imp
import os
import sys
import types
from importlib import import_module
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    BuiltinImporter,
    FileFinder,
    FrozenImporter,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType
    from typing import Any

__all__ = ["USUAL", "code_of", "find", "hold", "is_usual", "load"]

USUAL: list[Any] = [BuiltinImporter, FrozenImporter, PathFinder]
"""The finders that Python starts with."""

_HOOKS = [*sys.path_hooks]
_IMPORT = __import__
_OPTIMIZED = sys.flags.optimize
_TAG = sys.implementation.cache_tag
_UNKNOWN = object()
_KIND = 0o170000  # stat(2): S_IFMT
_FILE, _FOLDER = 0o100000, 0o040000  # S_IFREG, S_IFDIR

# By their own names: a worker copies a page for each module, name and dictionary that
# it looks something up by.
_access, _stat, _open, _fstat = os.access, os.stat, os.open, os.fstat
_read_some, _close = os.read, os.close
_is_builtin, _is_frozen = _imp.is_builtin, _imp.is_frozen
_EXISTS, _TO_READ = os.F_OK, os.O_RDONLY | os.O_CLOEXEC
_bootstrap: Any = import_module("importlib._bootstrap")
_lock_of: Callable[[str], Any] = _bootstrap._get_module_lock  # noqa: SLF001


def is_usual(name: str) -> bool:
    """Whether Python imports `name` by its own finders, and from a file if at all."""
    return (
        sys.meta_path[: len(USUAL)] == USUAL
        and sys.path_hooks == _HOOKS
        and __import__ is _IMPORT
        and sys.pycache_prefix is None
        and sys.dont_write_bytecode
        and not _OPTIMIZED
        and not _is_builtin(name)
        and not _is_frozen(name)
    )


def find(name: str, path: object) -> ModuleSpec | None:
    """The source file that an import of `name` finds in `path`, a list of folders.

    None where that can't be said without Python's finders; these may find something.
    """
    if type(path) is not list or not is_usual(name):
        return None
    tail = name.rpartition(".")[2]
    if not tail or "/" in tail:  # no entry of a folder
        return None
    cached = sys.path_importer_cache.get
    folders: list[Any] = path  # pyright: ignore[reportUnknownVariableType]
    for folder in folders:
        if type(folder) is not str or folder[:1] != "/" or folder[-1] == "/":
            return None
        finder = cached(folder, _UNKNOWN)
        if finder is None:  # there is no such folder
            continue
        if finder is not _UNKNOWN and type(finder) is not FileFinder:
            return None
        holds = _listing(folder, finder)
        if holds is None:
            return None
        if holds(tail):
            return _package(name, f"{folder}/{tail}")
        for suffix in EXTENSION_SUFFIXES:
            if holds(tail + suffix):
                return None
        if holds(tail + ".py"):
            return _spec(name, folder, tail, None)
        if holds(tail + ".pyc"):
            return None
    return None


def _listing(folder: str, finder: Any) -> Callable[[str], bool] | None:
    """Says whether `folder` holds an entry; by the list of `finder`, if it is good.

    None where Python may look otherwise: into an archive, which is a file.
    """
    try:
        found = _stat(folder)
        if found.st_mode & _KIND != _FOLDER:
            return None
        if finder is not _UNKNOWN and found.st_mtime == finder._path_mtime:  # noqa: SLF001
            listed: Callable[[str], bool] = finder._path_cache.__contains__  # noqa: SLF001
            return listed
    except (OSError, AttributeError):
        pass
    return lambda entry: _access(f"{folder}/{entry}", _EXISTS)


def _package(name: str, folder: str) -> ModuleSpec | None:
    for suffix in EXTENSION_SUFFIXES:
        if _access(f"{folder}/__init__{suffix}", _EXISTS):
            return None
    if not _access(f"{folder}/__init__.py", _EXISTS):
        return None
    return _spec(name, folder, "__init__", [folder])


def _spec(
    name: str, folder: str, stem: str, inside: list[str] | None
) -> ModuleSpec | None:
    file = f"{folder}/{stem}.py"
    try:
        if _stat(file).st_mode & _KIND != _FILE:
            return None
    except (OSError, ValueError):  # as for `os.path.isfile`
        return None
    spec = ModuleSpec(name, SourceFileLoader(name, file), origin=file)
    spec.submodule_search_locations = inside
    spec.has_location = True
    spec.cached = f"{folder}/__pycache__/{stem}.{_TAG}.pyc"
    return spec


def code_of(spec: Any) -> CodeType:
    """The code of the source file that `find` has found.

    Raises:
        Exception: If it can't be read or compiled.
    """
    if _access(spec.cached, _EXISTS):
        found: CodeType = spec.loader.get_code(spec.name)
        return found
    return compile(_read(spec.origin), spec.origin, "exec", dont_inherit=True)


def _read(file: str) -> bytes:
    fd = _open(file, _TO_READ)
    try:
        size = _fstat(fd).st_size
        data = _read_some(fd, size)
        while len(data) < size:
            more = _read_some(fd, size - len(data))
            if not more:
                break
            data += more
        return data
    finally:
        _close(fd)


def hold(name: str) -> Any:
    """The lock of the module `name`, held: threads that import it wait meanwhile."""
    lock = _lock_of(name)
    lock.acquire()
    return lock


def load(spec: Any, code: CodeType) -> None:
    """Make the module of `spec` and run its `code`, as an import does under its lock.

    Raises:
        BaseException: Whatever the code raises; there is no such module then.
    """
    name = spec.name
    parent, _, tail = name.rpartition(".")
    inside = spec.submodule_search_locations
    module = types.ModuleType(name)
    space = module.__dict__
    space["__loader__"] = spec.loader
    space["__package__"] = parent if inside is None else name
    space["__spec__"] = spec
    if inside is not None:
        space["__path__"] = inside
    space["__file__"] = spec.origin
    space["__cached__"] = spec.cached
    spec._initializing = True  # noqa: SLF001
    sys.modules[name] = module
    try:
        exec(code, space)  # noqa: S102
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        spec._initializing = False  # noqa: SLF001
    if parent:
        setattr(sys.modules[parent], tail, sys.modules[name])
