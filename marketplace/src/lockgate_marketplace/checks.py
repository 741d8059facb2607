"""Are the configured indexes fit to install from, and the store fit to keep wheels?"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lockgate.owned import foreign_writer
from lockgate.values import Data
from lockgate_marketplace.errors import SourceError
from lockgate_marketplace.sources import Index, Sources

__all__ = ["Check", "check_indexes", "check_store"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``lockgate doctor``."""

    name: str
    state: Literal["ok", "warning", "problem"]
    message: str
    hint: str = ""


_INDEX = "marketplace.index"
_STORE = "marketplace.store"


def check_indexes(settings: Mapping[str, Data]) -> tuple[Check, ...]:
    """Judge the settings of all indexes, without connecting to any."""
    try:
        sources = Sources.from_settings(settings)
    except SourceError as error:
        return (
            Check(_INDEX, "problem", f"{error.where}: {error.message}", error.hint),
        )
    if not sources.indexes:
        message = "no index is configured: plugins are installed with pip"
        return (Check(_INDEX, "ok", message),)
    return tuple(_check_index(index) for index in sources.indexes.values())


def _check_index(index: Index) -> Check:
    said = f"{index.name}: plugins come from {index.origin[1]}"
    if index.insecure:
        hint = "take `insecure` away as soon as the index has https"
        return Check(_INDEX, "warning", f"{said}, even without TLS", hint)
    if index.unhashed:
        hint = "take `unhashed` away as soon as the index gives hashes"
        return Check(_INDEX, "warning", f"{said}, which gives no hashes", hint)
    return Check(_INDEX, "ok", said)


def check_store(folder: str) -> Check:
    """Judge the store's folder: ours alone to write, all the way up."""
    if not folder:
        return Check(_STORE, "ok", "no store is configured: nothing is kept")
    path = Path(folder)
    if not path.is_absolute():
        message = f"the store is no absolute path: {folder!r}"
        return Check(_STORE, "problem", message, "give the whole path")
    try:
        found = path.lstat()
    except FileNotFoundError:
        message = f"{path} does not exist yet"
        return Check(_STORE, "warning", message, f"mkdir -m 700 {path}")
    except (OSError, ValueError) as error:
        message = f"{path} cannot be looked at: {error}"
        return Check(_STORE, "problem", message, "choose a folder of your own")
    if not stat.S_ISDIR(found.st_mode):
        message = f"{path} is no folder"
        return Check(_STORE, "problem", message, "choose a folder")
    return _check_writers(path)


def _check_writers(path: Path) -> Check:
    """Whoever may write to the folder, or to one above it, can swap a wheel."""
    other = foreign_writer(path)
    if other is not None:
        return Check(_STORE, "problem", str(other), other.hint)
    return Check(_STORE, "ok", f"{path} is writable by its owner only")
