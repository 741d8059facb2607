"""Writing a tree of files where ``--out`` says: whole, or not at all.

The files are written into a folder beside the target, flushed to disk, and
renamed into place in one step. A folder that lockgate wrote before, and that
nobody changed since, is replaced; in any other folder that holds something,
nothing is written unless it was asked for (``--force``), and then file by file:
no file that is not in the tree is ever removed.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import cast

from lockgate._text.files import UnreadableError, read_bounded
from lockgate.errors import OutputError
from lockgate.values import Data, File, Tree

__all__ = ["MARKER", "check_target", "tree_of", "write_tree"]

MARKER = ".lockgate-output.json"
"""Left in a written folder: the hash of each file, to know it again."""

_MARKER_LIMIT_BYTES = 16 * 1024 * 1024


def tree_of(value: Data) -> Tree | None:
    """The tree in an answer's plain data (``{"files": [...]}``); None if it is none.

    Raises:
        ValueError: If it looks like a tree and holds a path that no tree may.
    """
    if not isinstance(value, Mapping) or set(value) != {"files"}:
        return None
    entries = value["files"]
    if not isinstance(entries, Sequence) or isinstance(entries, str | bytes):
        return None
    files: list[File] = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            return None
        path, content = entry.get("path"), entry.get("content")
        if not isinstance(path, str) or not isinstance(content, bytes):
            return None
        files.append(File(path, content, entry.get("executable") is True))
    return Tree(tuple(files))


def check_target(target: Path, *, force: bool) -> None:
    """Refuse a target early: before minutes of work that could not be kept.

    Raises:
        OutputError: If `write_tree` would refuse it.
    """
    if target.is_symlink() and not target.exists():
        raise OutputError("the folder is a symlink to nothing", path=str(target))
    if target.exists() and not target.is_dir():
        raise OutputError("there is a file of that name", path=str(target))
    if not force and target.is_dir() and any(target.iterdir()) and not _ours(target):
        raise OutputError(
            "the folder holds files that lockgate did not write, or that were changed",
            path=str(target),
            hint="Name another folder, or give --force to write into this one.",
        )


def write_tree(tree: Tree, target: Path, *, force: bool = False) -> None:
    """Write `tree` as the folder `target`.

    Raises:
        OutputError: If the target is a file, holds something foreign and `force`
            is not set, or cannot be written; or if the tree holds a ``.git``.
    """
    check_target(target, force=force)
    for file in tree:
        if ".git" in file.path.lower().split("/"):
            # A shell's prompt is enough to run what stands in such a folder.
            raise OutputError(f"{file.path} would be git's own", path=str(target))
    try:
        real = Path(os.path.realpath(target))
        if _replaceable(real):
            _replace(tree, real)
        else:
            _write_into(tree, real)
    except OSError as error:
        raise OutputError(
            f"it cannot be written: {error.strerror}", path=str(target)
        ) from error


def _replaceable(real: Path) -> bool:
    """Whether the folder may be swapped as a whole."""
    here = Path.cwd()
    if real == here or real in here.parents or real.is_mount():
        return False  # a shell that stands in it would be left nowhere
    return not real.exists() or not any(real.iterdir()) or _ours(real)


def _replace(tree: Tree, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh = aside / "new"
        fresh.mkdir()
        for file in tree:
            _write_file(fresh / file.path, file)
        _write_file(fresh / MARKER, File(MARKER, _marker(tree)))
        for folder, _, _ in os.walk(fresh):
            _sync_folder(Path(folder))
        if target.exists():
            target.rename(aside / "old")
        fresh.rename(target)
        _sync_folder(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_into(tree: Tree, target: Path) -> None:
    """Write each file whole, one after the other, into a folder that stays."""
    for file in tree:
        place = target / file.path
        if not Path(os.path.realpath(place.parent)).is_relative_to(target):
            raise OutputError(
                f"{file.path} would be written through a symlink", path=str(target)
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = place.with_name(f".{place.name}.{os.getpid()}.new")
        try:
            _write_file(aside, file)
            aside.replace(place)
        finally:
            aside.unlink(missing_ok=True)


def _write_file(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o777 if file.executable else 0o666  # less the umask
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode), "wb") as handle:
        handle.write(file.content)
        handle.flush()
        os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _marker(tree: Tree) -> bytes:
    hashes = {file.path: sha256(file.content).hexdigest() for file in tree}
    return json.dumps({"files": hashes}, indent=1, sort_keys=True).encode()


def _ours(folder: Path) -> bool:
    """Whether lockgate wrote the folder and every file is as it was then."""
    marker = folder / MARKER
    try:
        if marker.is_symlink():
            return False
        told: object = json.loads(read_bounded(str(marker), _MARKER_LIMIT_BYTES))
        table = cast("dict[str, object]", told) if isinstance(told, dict) else {}
        listed = table.get("files")
        if not isinstance(listed, dict):
            return False
        hashes = cast("dict[str, object]", listed)
        found = [path for path in folder.rglob("*") if not _is_folder(path)]
        names = {str(path.relative_to(folder)) for path in found}
        # A link leads to what may never end, a pipe to what never begins.
        plain = not any(path.is_symlink() for path in found)
        return (plain and names == {*hashes, MARKER}) and all(
            _digest(folder / path) == digest for path, digest in hashes.items()
        )
    except (OSError, ValueError, RecursionError, UnreadableError):
        return False


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _digest(path: Path) -> str:
    return sha256(read_bounded(str(path), path.stat().st_size)).hexdigest()
