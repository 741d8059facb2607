"""Whether a package of the trusted base would come from where it was found.

A plugin of the trusted base is imported into the host's own process. Another folder
of ``sys.path`` that holds a package of the same name must not stand in for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

__all__ = ["foreign_origin"]


def foreign_origin(module: str, folders: Sequence[str]) -> str | None:
    """From where `module`'s package would be imported if not from `folders`.

    None if it comes from one of them; ``""`` if from nowhere. Nothing is imported.
    """
    importlib.invalidate_caches()
    spec = PathFinder.find_spec(module.partition(".")[0])
    if spec is None or not spec.origin:
        return ""
    origin = Path(spec.origin).resolve()
    inside = any(origin.is_relative_to(Path(folder).resolve()) for folder in folders)
    return None if inside else str(origin)
