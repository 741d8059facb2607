"""Writing files of a project: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` by `content`: written aside, fsynced, renamed over it.

    Raises:
        OSError: If it can't be written; then what was there is untouched.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with aside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            aside.chmod(path.stat().st_mode & 0o777)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
