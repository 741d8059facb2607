"""Importing a package from its source alone, whatever byte code lies beside it.

What a grant is tied to are the files of a plugin, byte code left out: the interpreter
makes that anew, and it may say anything (PEP 552: an unchecked one is never held
against its source, and one that is checked by time names any time it likes). So where
nothing vouches for the byte code, it is not what runs. Standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import NoReturn

__all__ = ["believe_source_only"]


class _SourceLoader(SourceFileLoader):
    """A loader that compiles, each time."""

    def path_stats(self, path: str) -> NoReturn:
        """Know no time that byte code could be of, so that none is looked for.

        Raises:
            OSError: Always; `importlib` then goes on with the source.
        """
        raise OSError(path)


class _FromSource:
    """Finds what lies in `folders` as any import does, and loads it from source."""

    def __init__(self, folders: Sequence[str]) -> None:
        real = map(os.path.realpath, folders)
        self._folders = tuple(f"{folder}/" for folder in (*folders, *real))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module `name`, if it is one of these; None leaves it to the others."""
        spec = PathFinder.find_spec(name, path)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        file = str(spec.origin)
        names = (
            file,
            os.path.realpath(file),
        )  # by a link that lies there, or leads there
        if not any(name.startswith(self._folders) for name in names):
            return None
        spec.loader = _SourceLoader(spec.loader.name, file)
        spec.cached = None
        return spec


def believe_source_only(folders: Sequence[str]) -> None:
    """Have everything below `folders` imported from its source from now on."""
    if folders:
        sys.meta_path.insert(0, _FromSource(folders))
