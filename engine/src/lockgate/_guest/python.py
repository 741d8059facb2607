"""What runs in the fresh worker behind `Context.run_python`.

The tree is never written anywhere: its modules are imported from memory, inside
the sealed worker, by a finder that stands first on ``sys.meta_path``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType

from lockgate._codec.convert import codec, to_data
from lockgate._guest.context import Session
from lockgate._guest.impls import WorkerFault, lookup
from lockgate._guest.serve import Handler
from lockgate.values import Data, Tree

__all__ = ["TreeFinder", "serve"]

_TREE: Callable[[object], Tree] = codec(Tree).decode
FOLDER = "<tree>"
"""Where tracebacks say that the code lies."""


class TreeFinder(MetaPathFinder, Loader):
    """Finds and loads modules of a tree of files."""

    def __init__(self, tree: Tree) -> None:
        self._files = {file.path: file.content for file in tree}
        self._folders = {
            path.rpartition("/")[0][:end] or path
            for path in self._files
            for end in _ends(path)
        }

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the tree is flat to us
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The module's spec, or None if the tree has no such module."""
        base = fullname.replace(".", "/")
        for file, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            if file in self._files:
                return self._spec(fullname, file, base if is_package else None)
        if base in self._folders:
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [f"{FOLDER}/{base}"]
            return spec
        return None

    def _spec(self, name: str, file: str, package: str | None) -> ModuleSpec:
        origin = f"{FOLDER}/{file}"
        spec = ModuleSpec(name, self, origin=origin, is_package=package is not None)
        spec.has_location = True
        if package is not None:
            spec.submodule_search_locations = [f"{FOLDER}/{package}"]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:  # noqa: ARG002
        """An ordinary module."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - sealed

    def get_code(self, fullname: str) -> CodeType:
        """The compiled source of a module of the tree.

        Raises:
            ImportError: If the tree has none of the name.
        """
        spec = self.find_spec(fullname)
        origin = spec.origin if spec is not None else None
        if origin is None:
            raise ImportError(fullname)
        return compile(self.get_data(origin), origin, "exec", dont_inherit=True)

    def get_source(self, fullname: str) -> str | None:
        """The source, so that a traceback can show its lines."""
        spec = self.find_spec(fullname)
        if spec is None or spec.origin is None:
            return None
        return self.get_data(spec.origin).decode("utf-8", "replace")

    def get_data(self, path: str) -> bytes:
        """A file of the tree, as `pkgutil.get_data` asks for it.

        Raises:
            FileNotFoundError: If the tree has none.
        """
        try:
            return self._files[path.removeprefix(f"{FOLDER}/")]
        except KeyError:
            raise FileNotFoundError(path) from None


def _ends(path: str) -> list[int]:
    """Where each folder part of a path ends."""
    folder = path.rpartition("/")[0]
    return [i for i, c in enumerate(folder) if c == "/"] + [len(folder)]


def serve(session: Session) -> Handler:  # noqa: ARG001 - the code gets no session
    """Answer one ``run``: import from the tree, call the entry, give its value."""

    def handle(method: str, arguments: Mapping[str, Data]) -> Data:
        if method != "run":
            raise WorkerFault(f"no method {method!r}", kind="method")
        entry, given = arguments["entry"], arguments["arguments"]
        if not isinstance(entry, str) or not isinstance(given, Mapping):
            raise WorkerFault("an entry and its arguments are needed", kind="method")
        sys.meta_path.insert(0, TreeFinder(_TREE(arguments["tree"])))
        module, _, name = entry.partition(":")
        function = lookup(importlib.import_module(module), name)
        if not callable(function):
            raise WorkerFault(f"{entry!r} is no function of the tree", kind="entry")
        return to_data(function(**given))

    return handle
