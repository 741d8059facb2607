"""How a target is imported: single packages, and code that was made ahead.

Compiling a small module takes as long as all else that its import does. A child that
knows which one will probably be wanted reads and compiles it under the seal while it
waits, and executes nothing of it. The import that comes later takes what was found
only if no folder that was looked into has changed, else it looks as any other does;
and the code only if the file is still the same.
"""

# Runs in the worker: no pathlib.
# ruff: noqa: PTH116

from __future__ import annotations

import _io
import os
import sys
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader

from lockgate_sandbox._zygote import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType
    from typing import Any

__all__ = ["Ahead", "Lone", "member"]

_SOURCE_BYTES = 256 << 10
"""A larger module is compiled when it is wanted: nobody may want it."""


_NEAR = 3
"""Names that are told of a target that is written otherwise."""


def member(of: object, name: str) -> Any:
    """The attribute `name` of a module or class.

    Raises:
        AttributeError: If there is none; it says which names are like it, or are there.
    """
    try:
        return getattr(of, name)
    except AttributeError as error:
        from difflib import get_close_matches  # only here: nobody waits for it

        own = [one for one in dir(of) if callable(getattr(of, one, None))]
        near = get_close_matches(name, own, _NEAR)
        near = near or [one for one in own if one[:1] != "_"][:_NEAR]
        if not near:
            raise
        msg = f"{error}; it has {', '.join(near)}"
        raise AttributeError(msg) from None


class Lone:
    """Finds single packages, whose neighbours are nobody's business.

    Asked last: an environment that holds a package of that name keeps its own.
    """

    def __init__(self, packages: dict[str, str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, *_: object) -> Any:
        """The package `name`, as any finder tells it."""
        folder = self._packages.get(name)
        if folder is None:
            return None
        source = f"{folder}/__init__.py"
        loader = SourceFileLoader(name, source)
        spec = ModuleSpec(name, loader, origin=source, is_package=True)
        spec.submodule_search_locations = [folder]
        spec.has_location = True
        return spec


class _Made:
    """A module that was looked for ahead: on which path, what was found, its code.

    `places` are the folders that were looked into, when each changed last, and by which
    finder: as long as none does, any import finds the same. None if that can't be
    known. A package that is executed meanwhile may have brought other finders.
    """

    __slots__ = ("_lock", "code", "finders", "identity", "path", "places", "spec")

    def __init__(
        self,
        spec: Any,
        path: Sequence[str],
        places: list[tuple[str, float, Any]],
        identity: tuple[int, ...],
        code: CodeType,
    ) -> None:
        self.spec = spec
        self.path = [*path]
        self.places = places
        self.finders = [*_finders(), *sys.path_hooks]
        self.identity = identity
        self.code = code
        self._lock: Any = plain.hold(spec.name)

    def load(self) -> None:
        """Import it.

        Raises:
            BaseException: As an import does.
        """
        try:
            plain.load(self.spec, self.code)
        finally:
            self.release()

    def release(self) -> None:
        """Let threads import it."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def is_first(self, path: Sequence[str]) -> bool:
        """Whether an import that looks at `path` is sure to find it."""
        if not self.places or [*path] != self.path:
            return False
        if [*_finders(), *sys.path_hooks] != self.finders:
            return False
        cached = sys.path_importer_cache.get
        try:
            for folder, changed, finder in self.places:
                if cached(folder) is not finder or os.stat(folder).st_mtime != changed:
                    return False
        except OSError:
            return False
        return True

    def is_same(self) -> bool:
        """Whether the file is the one that the code was made of."""
        try:
            return _identity(os.stat(self.spec.origin)) == self.identity
        except OSError:
            return False


class Ahead:
    """The code of a module and of the packages that it is in.

    Among the finders while the target is imported, and in no other module's way.
    """

    def __init__(self) -> None:
        self._made: dict[str, _Made] = {}

    def compile(self, module: str) -> None:
        """Make what the import of `module` will need, as far as that can be known.

        What is wrong with it the import itself will tell.
        """
        path: Sequence[str] | None = None
        name = ""
        for part in module.split("."):
            name = f"{name}.{part}" if name else part
            if name in sys.modules:
                path = getattr(sys.modules[name], "__path__", None)
                if path is None:
                    return
                continue
            looked = sys.path if path is None else path
            changed = _changed(looked)
            spec = plain.find(name, looked) or _found(name, path)
            if spec is None or not self._keep(spec, looked, changed):
                return
            path = spec.submodule_search_locations
            if path is None:
                return  # no package: nothing is in it

    def _keep(self, spec: Any, path: Sequence[str], changed: dict[str, float]) -> bool:
        """Whether the code of `spec` could be made; then it is kept."""
        if type(spec.loader) is not SourceFileLoader:
            return False
        said = _io.StringIO()
        errors, sys.stderr = sys.stderr, said
        try:
            info = os.stat(spec.origin)
            if info.st_size > _SOURCE_BYTES:
                return False
            code = plain.code_of(spec)
        except Exception:  # whoever imports it is told, of this as of anything
            return False
        finally:
            sys.stderr = errors
        if said.tell():  # a warning, which belongs to the import
            return False
        _ = spec.cached  # made when it is asked for
        places = _places(spec, path, changed)
        self._made[spec.name] = _Made(spec, path, places, _identity(info), code)
        return True

    def load(self, module: str) -> None:
        """Import `module`.

        Raises:
            BaseException: As an import does.
        """
        name = ""
        for part in module.split("."):
            parent, name = name, f"{name}.{part}" if name else part
            if name in sys.modules:
                continue
            if not self._load_plain(name, parent):
                with self:
                    __import__(module)  # all that `import_module` comes to
                break
        if self._made:
            self._forget()

    def _load_plain(self, name: str, parent: str) -> bool:
        """Import the module `name`; whether that could be done without Python."""
        path = getattr(sys.modules[parent], "__path__", None) if parent else sys.path
        if path is None:
            return False  # the parent is no package, which Python says best
        made = self._made.get(name)
        if made is not None:
            if not (plain.is_usual(name) and made.is_first(path) and made.is_same()):
                return False
            made.load()
            return True
        lock = plain.hold(name)
        try:
            spec = plain.find(name, path)
            if spec is None:
                return False
            plain.load(spec, plain.code_of(spec))
        finally:
            lock.release()
        return True

    def __enter__(self) -> None:
        if self._made:
            sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        self._forget()

    def _forget(self) -> None:
        """What was not wanted after all is anybody's to import."""
        for made in self._made.values():
            made.release()
        self._made.clear()

    def find_spec(self, name: str, path: Sequence[str] | None, *_: object) -> Any:
        """The module `name` as the other finders find it, with its code."""
        made = self._made.pop(name, None)
        if made is None:
            return None
        made.release()  # this import holds it
        if made.is_first(sys.path if path is None else path):
            spec = made.spec
        else:
            spec = _found(name, path)
            if spec is None or spec.origin != made.spec.origin:
                return spec
        if made.is_same() and type(spec.loader) is SourceFileLoader:
            loader: Any = spec.loader
            code = made.code

            def get_code(_: str) -> CodeType:
                del loader.get_code  # the next one asks for the file as it is then
                return code

            loader.get_code = get_code
        return spec


def _changed(path: Sequence[str]) -> dict[str, float]:
    """When each folder of `path` changed last."""
    found: dict[str, float] = {}
    for entry in path:
        try:
            found[entry] = os.stat(entry).st_mtime
        except OSError:  # which Python's finders look at once, too
            continue
    return found


def _places(
    spec: Any, path: Sequence[str], changed: dict[str, float]
) -> list[tuple[str, float, Any]]:
    """The folders that `spec` was looked for in, when each had `changed`, by whom.

    None where a finder was asked that knows of modules otherwise.
    """
    for finder in _finders():
        if finder not in plain.USUAL and type(finder) is not Lone:
            return []
    own = spec.origin.rpartition("/")[0]
    if spec.submodule_search_locations is not None:
        own = own.rpartition("/")[0]
    found: list[tuple[str, float, Any]] = []
    for entry in path:
        finder = sys.path_importer_cache.get(entry)
        if finder is None and entry not in changed:
            continue
        if type(finder) not in (FileFinder, type(None)) or entry not in changed:
            return []
        found.append((entry, changed[entry], finder))
        if entry == own:
            break
    return found


def _finders() -> Iterator[Any]:
    return (one for one in sys.meta_path if not isinstance(one, Ahead))


def _found(name: str, path: Sequence[str] | None) -> Any:
    """The module `name` as any import of it is found."""
    for finder in _finders():
        spec = finder.find_spec(name, path, None)
        if spec is not None:
            return spec
    return None


def _identity(info: os.stat_result) -> tuple[int, ...]:
    return (
        info.st_dev,
        info.st_ino,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
    )
