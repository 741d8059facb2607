"""Joins the files of several builds into one set: each below a folder of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from lockgate_firmware._text import identifier
from lockgate_firmware.problems import Review, shown

__all__ = ["Entry", "gather"]

Entry: TypeAlias = tuple[str, bytes, bool]
"""A file: its path, its content, and whether it is executable."""

BUILDS_LIMIT = 256


def gather(own: Sequence[Entry], builds: object) -> tuple[Entry, ...]:
    """`own` files and those of `builds`.

    A build is an object with a ``tree`` (``{"files": [{"path", "content"}]}``) and
    perhaps a ``name``: its folder, made safe; without one its files lie beside
    `own`. Two builds of one name get ``NAME`` and ``NAME_2``. A build that is null,
    or whose tree is, has nothing to add.

    Raises:
        SpecRefusedError: If `builds` has another form, or two files get one path.
    """
    review = Review()
    files = {path: (path, content, executable) for path, content, executable in own}
    folders: set[str] = set()
    items = _list(builds)
    if items is None or len(items) > BUILDS_LIMIT:
        review.refuse(
            "wrong-type", "gather", f"must be a list of at most {BUILDS_LIMIT} builds"
        )
        items = []
    for index, build in enumerate(items):
        place = f"gather[{index}]"
        folder = _folder(build, folders)
        for path, content, executable in _files(build, place, review):
            whole = f"{folder}{path}"
            if whole in files:
                review.refuse("path-twice", place, f"{shown(whole)} is there already")
            files[whole] = (whole, content, executable)
    review.check()
    return tuple(files.values())


def _get(value: object, key: str) -> object:
    """What stands at `key`, if `value` is an object."""
    if not isinstance(value, Mapping):
        return None
    return cast("Mapping[object, object]", value).get(key)


def _list(value: object) -> list[object] | None:
    if not isinstance(value, list | tuple):
        return None
    return list(cast("Sequence[object]", value))


def _folder(build: object, taken: set[str]) -> str:
    name = _get(build, "name")
    if not isinstance(name, str) or not name:
        return ""
    safe = identifier(name[:80]) or "unnamed"
    folder, number = safe, 1
    while folder in taken:
        number += 1
        folder = f"{safe}_{number}"
    taken.add(folder)
    return f"{folder}/"


def _files(build: object, place: str, review: Review) -> list[Entry]:
    tree = _get(build, "tree")
    if tree is None:
        return []
    entries = _list(_get(tree, "files"))
    if entries is None:
        review.refuse("wrong-type", f"{place}.tree", "must be a tree of files")
        return []
    found: list[Entry] = []
    for entry in entries:
        path, content = _get(entry, "path"), _get(entry, "content")
        if not isinstance(path, str) or not isinstance(content, bytes):
            review.refuse("wrong-type", f"{place}.tree", "holds what is no file")
            return []
        found.append((path, content, _get(entry, "executable") is True))
    return found
