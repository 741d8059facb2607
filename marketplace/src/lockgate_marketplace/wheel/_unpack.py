"""A judged wheel onto the disk: a fresh folder, whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lockgate_marketplace.wheel._wheel import Member, Wheel

__all__ = ["unpack"]

_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PRIVATE = 0o700
_FOLDER_MODE = 0o755


@dataclass(slots=True)
class _Folder:
    files: dict[str, Member] = field(default_factory=dict[str, Member])
    folders: dict[str, _Folder] = field(default_factory=dict[str, "_Folder"])

    def add(self, path: str, member: Member) -> None:
        *folders, name = path.split("/")
        here = self
        for folder in folders:
            here = here.folders.setdefault(folder, _Folder())
        here.files[name] = member


def unpack(wheel: Wheel, folder: Path) -> None:
    """Write ``folder/site`` and, if there are scripts, ``folder/bin``.

    Files get the mode 444 or, if executable, 555. Each is made new, relative to the
    descriptor of its folder, so that no link can be put in the way. Nothing is synced:
    that is the caller's, who syncs all at once before it names the folder.

    Args:
        wheel: What `open_wheel` let in.
        folder: Must not exist; its parent must.

    Raises:
        OSError: If it cannot be written; then `folder` is gone again, unless it was
            there before.
    """
    tree = _Folder()
    for member in wheel.members:
        tree.add(f"{member.area}/{member.path}", member)
    folder.mkdir(mode=_PRIVATE)
    try:
        with _opened(str(folder), None) as root:
            _write(tree, root, wheel)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _opened(name: str, parent: int | None) -> Generator[int]:
    """A folder just made; when it has its files, its mode is set."""
    descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
    try:
        yield descriptor
        os.fchmod(descriptor, _FOLDER_MODE)
    finally:
        os.close(descriptor)


def _write(tree: _Folder, here: int, wheel: Wheel) -> None:
    """Write what is in one folder. Paths are at most `Limits.depth` deep."""
    for name, member in tree.files.items():
        _write_file(here, name, wheel, member)
    for name, folder in tree.folders.items():
        os.mkdir(name, _PRIVATE, dir_fd=here)
        with _opened(name, here) as below:
            _write(folder, below, wheel)


def _write_file(folder: int, name: str, wheel: Wheel, member: Member) -> None:
    descriptor = os.open(name, _FILE_FLAGS, 0o600, dir_fd=folder)
    try:
        for piece in wheel.pieces(member):
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
        os.fchmod(descriptor, 0o555 if member.executable else 0o444)
    finally:
        os.close(descriptor)
