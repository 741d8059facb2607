"""The whole store, hashed again: what changed since it was written, and the way out."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lockgate.errors import InstalledError
from lockgate.installed import Generation, StoreFolder
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._merged import MERGED
from lockgate_marketplace.store._record import (
    RECORD,
    StoredFile,
    StoredWheel,
    read_record,
)
from lockgate_marketplace.store._wheels import lacks

__all__ = ["Damage", "examine"]

What = Literal["generation", "wheel", "merged", "file", "folder"]
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is not as it was written.

    `used` tells whether the generation in force has it.
    """

    what: What
    where: str
    message: str
    hint: str
    used: bool

    def to_dict(self) -> dict[str, object]:
        """The damage as ``--json`` prints it."""
        return asdict(self)


def examine(folder: StoreFolder, tell: Tell) -> Iterator[Damage]:
    """Everything in the store that is not as it was written.

    `tell` is told what is looked at, and how far the work is (0 to 1).
    """
    root = Path(folder.root)
    now = Generation(0, "")
    try:
        now = folder.read()
    except InstalledError as error:
        hint = "`lockgate rollback` puts an earlier one in force."
        yield Damage("generation", error.file, error.message, hint, used=True)
    used: dict[str, str] = {}
    needed: dict[str, str] = {}
    for number in folder.numbers():
        try:
            generation = folder.read(number)
        except InstalledError as error:
            if number != now.number:
                hint = "`lockgate gc` takes it away."
                yield Damage("generation", error.file, error.message, hint, used=False)
            continue
        for entry in generation.entries:
            names = used if number == now.number else needed
            names.update((w.sha256, f"{w.name} {w.version}") for w in entry.wheels)
    yield from _wheels(root / "wheels", used, needed, tell)
    yield from _merged(root, {e.merged for e in now.entries if e.merged})


def _wheels(
    folder: Path, used: Mapping[str, str], needed: Mapping[str, str], tell: Tell
) -> Iterator[Damage]:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    names = sorted({*there, *used, *needed})
    for number, name in enumerate(names):
        known = used.get(name) or needed.get(name) or name
        tell(known, number / len(names))
        hint = _hint(name, used, needed)
        try:
            wheel = read_record(folder / name)
        except StoreError as error:
            message = f"{known}: {error.message}"
            yield Damage("wheel", error.where, message, hint, used=name in used)
            continue
        for what, where, message in _changed(wheel):
            yield Damage(what, where, message, hint, used=name in used)


def _hint(name: str, used: Mapping[str, str], needed: Mapping[str, str]) -> str:
    if name in used:
        what = used[name].replace(" ", "==", 1)
        return (
            f"Its files are replaced by `lockgate install {what}` (of what needs it, "
            "if it only comes along), or by that of its wheel."
        )
    if name in needed:
        return "Only earlier generations have it: do not roll back to them."
    return "No generation has it: `lockgate gc` takes it away."


def _changed(wheel: StoredWheel) -> Iterator[tuple[What, str, str]]:
    amiss = {file.path: reason for file, reason in lacks(wheel)}
    for file in wheel.files:
        where = str(wheel.folder / file.path)
        if file.path in amiss:
            yield "file", where, amiss[file.path]
        elif (found := _digest(where)) != file.sha256:
            yield "file", where, f"its SHA-256 is {found}, it was {file.sha256}"
    yield from _strangers(wheel.folder, {*(f.path for f in wheel.files), RECORD})


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"unknown ({error.strerror})"


def _strangers(folder: Path, known: set[str]) -> Iterator[tuple[What, str, str]]:
    """What lies there and was not put there, and folders that somebody may write."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = f"{parent}/{name}"
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                if status.st_mode & 0o222:
                    yield "folder", path, "it can be written to"
            elif os.path.relpath(path, folder) not in known:
                yield "file", path, "it was not put there"


def _merged(root: Path, used: set[str]) -> Iterator[Damage]:
    folder = root / "merged"
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    for name in sorted(names | used):
        hint = "No generation in force has it: `lockgate gc` takes it away."
        if name in used:
            hint = "Install the plugin again; the folder is then made anew."
        where = folder / name
        try:
            listed = json.loads((where / MERGED).read_bytes())["wheels"]
            files = _expected(root, [str(one) for one in listed])
        except (OSError, ValueError, TypeError, KeyError, StoreError) as error:
            yield Damage("merged", str(where), str(error), hint, used=name in used)
            continue
        view = StoredWheel(name, "", "", "", where, tuple(files.values()))
        for what, place, message in _changed(view):
            if place != str(where / MERGED):
                yield Damage(what, place, message, hint, used=name in used)


def _expected(root: Path, wheels: list[str]) -> dict[str, StoredFile]:
    files: dict[str, StoredFile] = {}
    for name in wheels:
        for file in read_record(root / "wheels" / name).files:
            files.setdefault(file.path, file)
    return files
