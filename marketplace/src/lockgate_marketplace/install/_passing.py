"""Judged wheels in a folder that passes: what is looked at there is what is kept.

A wheel in memory is what `unpack` writes, here and into the store: the file that it
came from is not looked at again.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate_marketplace.store import merged_reason_of
from lockgate_marketplace.wheel import Wheel, unpack

__all__ = ["laid_out"]


@contextmanager
def laid_out(wheels: Sequence[Wheel]) -> Generator[tuple[str, ...]]:
    """The import folders of an environment of `wheels`, as the store would make it.

    Raises:
        OSError: If they can't be written.
    """
    with TemporaryDirectory(prefix="lockgate-judged-") as made:
        root = Path(made)
        root.chmod(0o755)  # a worker may run as a user of its own
        folders = [root / wheel.sha256 for wheel in wheels]
        for wheel, folder in zip(wheels, folders, strict=True):
            unpack(wheel, folder)
        try:
            if len(wheels) > 1 and merged_reason_of(wheels, folders):
                folders = [_merged(folders, root / "merged")]
            yield tuple(str(folder / "site") for folder in folders)
        finally:
            _open_up(root)


def _merged(folders: Sequence[Path], made: Path) -> Path:
    for folder in folders:
        _open_up(folder)
        shutil.copytree(folder, made, dirs_exist_ok=True)
        _open_up(made)
    return made


def _open_up(folder: Path) -> None:
    """What was unpacked is read-only, and is to be written beside, or to go again."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
