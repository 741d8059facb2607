"""What no kept generation names: found by reference, and taken away."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lockgate.errors import InstalledError
from lockgate.installed import Generation, StoreFolder
from lockgate.owned import sync_folder
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._disk import discard, writing
from lockgate_marketplace.store._record import read_record
from lockgate_marketplace.store._wheels import fresh_folder

__all__ = ["Collected", "collect", "lineage"]


@dataclass(frozen=True, slots=True)
class Collected:
    """What was taken away, or would be: generations, wheels by what they are, bytes.

    `kept` are the generations that stay, the one in force first; `in_use` the wheels
    that no kept one names, and that hosts which run import from.
    """

    kept: tuple[int, ...]
    generations: tuple[int, ...]
    wheels: tuple[str, ...]
    merged: tuple[str, ...]
    size: int
    in_use: tuple[str, ...] = ()


def lineage(folder: StoreFolder, keep: int) -> Iterator[Generation]:
    """The generation in force, its parent, and so on: at most `keep` of them.

    Raises:
        InstalledError: If the one in force can't be read. A parent that can't ends it.
    """
    now = folder.read()
    for _ in range(keep):
        if now.number == 0:
            return
        yield now
        try:
            now = folder.read(now.parent)
        except InstalledError:
            return


def collect(folder: StoreFolder, staging: Path, keep: int, *, dry: bool) -> Collected:
    """Take away what neither the last `keep` generations nor staged releases name.

    What a host that runs imports from stays, whoever names it. Hold the store alone.

    Raises:
        InstalledError: If the generation in force can't be read: nothing is taken.
        StoreError: If something can't be removed.
    """
    root = Path(folder.root)
    kept = tuple(lineage(folder, max(keep, 1)))
    numbers = {generation.number for generation in kept}
    entries = [entry for generation in kept for entry in generation.entries]
    entries += [waiting.entry for waiting in folder.staged()]
    wheels = {wheel.sha256 for entry in entries for wheel in entry.wheels}
    merged = {entry.merged for entry in entries}
    old = tuple(number for number in folder.numbers() if number not in numbers)
    leased = folder.leased()
    used = [p for p in _others(root / "wheels", wheels) if _key(p) in leased]
    lost_wheels = [p for p in _others(root / "wheels", wheels) if p not in used]
    lost_merged = [p for p in _others(root / "merged", merged) if _key(p) not in leased]
    names = tuple(_name(path) for path in lost_wheels)
    size = sum(_size(path) for path in (*lost_wheels, *lost_merged))
    if not dry:
        with writing(root):
            _take_away(folder, old, (*lost_wheels, *lost_merged), staging)
    return Collected(
        tuple(generation.number for generation in kept),
        old,
        names,
        tuple(path.name for path in lost_merged),
        size,
        tuple(_name(path) for path in used),
    )


def _take_away(
    folder: StoreFolder, old: Sequence[int], lost: Iterable[Path], staging: Path
) -> None:
    """Generations first, then what only they named.

    A crash in between leaves garbage, and never a generation without its wheels.
    """
    for number in old:
        Path(folder.file(number)).unlink(missing_ok=True)
    if old:
        sync_folder(Path(folder.root) / "generations")
    for path in lost:
        _remove(path, staging)
    for path in _others(staging, set()):
        discard(path)


def _others(folder: Path, names: set[str]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name not in names)
    except FileNotFoundError:
        return []


def _key(folder: Path) -> str:
    """How a lease names it."""
    return f"{folder.parent.name}/{folder.name}"


def _name(folder: Path) -> str:
    try:
        wheel = read_record(folder)
    except StoreError:
        return folder.name
    return f"{wheel.name} {wheel.version}"


def _size(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(f"{parent}/{name}").st_size
    return size


def _remove(path: Path, staging: Path) -> None:
    """Out of its place by a rename, and only then bit by bit."""
    if path.is_dir() and not path.is_symlink():
        path.chmod(0o700)  # a folder is moved by whoever may write to it
        away = fresh_folder(staging)
        path.rename(away)
        path = away
    discard(path)
