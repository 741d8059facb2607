"""Files that are whole or absent, for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["replace_whole", "sync_folder"]


def replace_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write `content` aside, sync it, and put it in the place of `path`.

    Raises:
        OSError: If it can't be written; `path` is then what it was.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        aside.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlast a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
