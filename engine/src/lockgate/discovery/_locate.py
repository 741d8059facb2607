"""From an entry point to the manifest's path: by RECORD and path, never by import.

``importlib.util.find_spec`` would run the parent package's code; here a
top-level package is a folder of one of these places, in this order:

1. beside the metadata folder, if the RECORD lists the manifest (a wheel);
2. in a folder that a ``.pth`` file of the distribution names (hatchling, uv,
   flit, pdm, setuptools' strict and src layouts);
3. where setuptools' ``__editable___*_finder.py`` maps the package to: its
   ``MAPPING`` is read as a literal, the file is never executed;
4. in the source folder of ``direct_url.json`` (PEP 660 back ends with hooks of
   their own), as it is or below ``src``.

The last two count only beside a ``.pth`` file of the distribution, without which
the interpreter would not find an editable package either. Such a file is code
that the interpreter has run already; a plain data file that any wheel may bring
must not say which of the user's folders its plugin reads.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from lockgate._text.files import UnreadableError, read_bounded, stamp

__all__ = [
    "RECORD_LIMIT_BYTES",
    "LocateError",
    "Located",
    "locate",
    "split_value",
]

RECORD_LIMIT_BYTES = 32 * 1024 * 1024
_PTH_LIMIT_BYTES = 256 * 1024
_FINDER_LIMIT_BYTES = 4 * 1024 * 1024
_DIRECT_URL_LIMIT_BYTES = 64 * 1024


class LocateError(Exception):
    """Why a distribution's manifest was not found; a sentence, and a hint.

    `tried` are the places where it would be found if it appeared.
    """

    def __init__(self, reason: str, hint: str = "", tried: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.hint = hint
        self.tried = tuple(tried)


class Located(NamedTuple):
    """Where a manifest is.

    `root` is the folder that the package is imported from; `recorded` tells
    whether a RECORD vouches for the package's files (a plain wheel); `watched`
    are the files, besides the metadata folder, that led here.
    """

    path: str
    root: str
    editable: bool
    recorded: bool
    watched: tuple[str, ...]


def split_value(value: str) -> tuple[str, str]:
    """Package and file of an entry point's value (``pkg:lockgate.toml``).

    Raises:
        LocateError: If it names anything but a plain file of a top-level package.
    """
    package, separator, file = value.partition(":")
    package, file = package.strip(), file.strip()
    if not separator or not package.isidentifier() or not _plain(file):
        raise LocateError(
            f"the entry point names {value[:80]!r}, which is no file of a "
            "top-level package",
            'Write it as "your_package:lockgate.toml".',
        )
    return package, file


def _plain(file: str) -> bool:
    letters = file.replace(".", "").replace("-", "").replace("_", "")
    return letters.isalnum() and letters.isascii() and file.endswith(".toml")


def locate(metadata: str, package: str, files: Sequence[str]) -> Located:
    """Find the first of `files` (relative paths) of the distribution `metadata`.

    Raises:
        LocateError: If none is anywhere that this distribution owns.
    """
    root = os.path.dirname(metadata)  # noqa: PTH120
    owned = _record_paths(metadata)
    watched = [] if owned is None else [f"{metadata}/RECORD"]
    for file in files:
        beside = f"{root}/{file}"
        if owned is None or file in owned:
            if _is_file(beside):
                return Located(beside, root, False, owned is not None, tuple(watched))
            if owned is not None:
                raise LocateError(
                    f"{beside} is missing, though RECORD lists it",
                    "The distribution is half removed: install it again.",
                    [*watched, beside],
                )
    tried: list[str] = [f"{root}/{file}" for file in files]
    for folder, source in _editable_roots(metadata, root, owned or (), package):
        watched.append(source)
        for file in files:
            tried.append(f"{folder}/{file}")
            if _is_file(tried[-1]):
                found = tuple(dict.fromkeys(watched))
                return Located(tried[-1], folder, True, False, found)
    if _is_file(tried[0]):
        raise LocateError(
            f"{tried[0]} belongs to another distribution: RECORD does not list it",
            tried=watched + tried,
        )
    raise LocateError(
        f"{files[0]} is nowhere that the distribution is installed to",
        "It is package data: have the build put it into the wheel, beside the "
        f"package's modules (setuptools: [tool.setuptools.package-data] {package} = "
        '["*.toml"]), and install that.',
        watched + tried,
    )


def _is_file(path: str) -> bool:
    # A FIFO or a device passes as "there": reading it refuses it with a reason.
    return stamp(path) != (0, 0, 0)


def _record_paths(metadata: str) -> frozenset[str] | None:
    """The paths that RECORD lists; None if there is no RECORD.

    Raises:
        LocateError: If it is there and cannot be read.
    """
    try:
        raw = read_bounded(f"{metadata}/RECORD", RECORD_LIMIT_BYTES)
    except UnreadableError as error:
        if "missing" in str(error):
            return None
        raise LocateError(f"RECORD {error}", tried=[f"{metadata}/RECORD"]) from None
    lines = raw.decode("utf-8", "surrogateescape").splitlines()
    return frozenset(line.partition(",")[0] for line in lines)


def _editable_roots(
    metadata: str, root: str, owned: frozenset[str] | tuple[()], package: str
) -> Iterator[tuple[str, str]]:
    """Each folder that `package` may be imported from, and the file that said so."""
    started = [name for name in sorted(owned) if _starts(root, name)]
    for name in started:
        for folder in _pth_folders(root, name):
            yield folder, f"{root}/{name}"
    if not started:
        return
    for name in sorted(owned):
        if name.startswith("__editable__") and name.endswith("_finder.py"):
            target = _finder_mapping(f"{root}/{name}").get(package, "")
            folder, _, last = target.rpartition("/")
            if last == package:
                yield folder, f"{root}/{name}"
    source = _direct_url(f"{metadata}/direct_url.json")
    if source:
        yield f"{source}/src", f"{metadata}/direct_url.json"
        yield source, f"{metadata}/direct_url.json"


def _starts(root: str, name: str) -> bool:
    """Whether `name` is a ``.pth`` file that is there."""
    return name.endswith(".pth") and "/" not in name and _is_file(f"{root}/{name}")


def _pth_folders(root: str, name: str) -> Iterator[str]:
    """The folders that a ``.pth`` file adds; its ``import`` lines are not run."""
    try:
        raw = read_bounded(f"{root}/{name}", _PTH_LIMIT_BYTES)
    except UnreadableError:
        return
    for line in raw.decode("utf-8", "surrogateescape").splitlines():
        words = line.strip()
        if words and "\0" not in words and not words.startswith(("#", "import ")):
            yield os.path.join(root, words).rstrip("/")  # noqa: PTH118


def _finder_mapping(path: str) -> dict[str, str]:
    """``MAPPING`` of a setuptools finder: one line, read as a literal."""
    try:
        raw = read_bounded(path, _FINDER_LIMIT_BYTES)
    except UnreadableError:
        return {}
    for line in raw.decode("utf-8", "replace").splitlines():
        if line.startswith(("MAPPING:", "MAPPING =")):
            try:
                value = ast.literal_eval(line.partition("=")[2].strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
                return {}
            return _strings(value)
    return {}


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    table = cast("dict[object, object]", value)
    return {k: v for k, v in table.items() if isinstance(k, str) and isinstance(v, str)}


def _direct_url(path: str) -> str:
    """The source folder of an editable install (PEP 610), or ``""``."""
    try:
        data: object = json.loads(read_bounded(path, _DIRECT_URL_LIMIT_BYTES))
    except (UnreadableError, ValueError, RecursionError):
        return ""
    table = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    info, url = table.get("dir_info"), table.get("url")
    editable = isinstance(info, dict) and cast("dict[str, object]", info).get(
        "editable"
    )
    if editable is not True or not isinstance(url, str):
        return ""
    if not url.startswith("file:///"):
        return ""
    from urllib.parse import unquote

    folder = unquote(url.removeprefix("file://")).rstrip("/")
    return "" if "\0" in folder else folder
