"""The folders that a worker imports from: the environment, and nothing near it.

A worker may read all of its import folders, so the host's own ``sys.path`` can't
simply be handed on: it may hold the current folder or the folder of a script.
What counts are the interpreter's site folders, the folders that their ``.pth``
files add (editable installs), and the folder of lockgate itself.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from lockgate._text.files import UnreadableError, read_bounded

__all__ = [
    "environment_prefixes",
    "import_folders",
    "lockgate_folder",
    "own_folders",
    "runtime_package",
]

PTH_LIMIT_BYTES = 64 * 1024


def lockgate_folder() -> str:
    """The folder that this lockgate was imported from."""
    return str(Path(__file__).resolve().parents[2])


def runtime_package() -> dict[str, str]:
    """Lockgate itself, for a worker that must see nothing else of the host's."""
    return {"lockgate": str(Path(__file__).resolve().parents[1])}


def environment_prefixes(folders: Sequence[str]) -> tuple[str, ...]:
    """Where the programs of an environment of its own lie, besides its folders.

    A virtual environment's site folder is three levels below it, its ``bin`` one; a
    wheel of the store has a ``bin`` beside its ``site``.
    """
    sites = [Path(folder) for folder in folders if folder.endswith("/site-packages")]
    wheels = [Path(folder) for folder in folders if folder.endswith("/site")]
    return tuple(
        [str(site.parents[2]) for site in sites]
        + [str(site.parent / "bin") for site in wheels]
    )


def own_folders(own: Sequence[str]) -> tuple[str, ...]:
    """The import folders of a plugin with an environment of its own, in order."""
    real = (os.path.realpath(folder) for folder in own)
    return tuple(dict.fromkeys(folder for folder in real if Path(folder).is_dir()))


def import_folders(own: Sequence[str]) -> tuple[str, ...]:
    """The import folders of a plugin whose packages lie in `own`, in order."""
    return own_folders([*own, *_shared()])


@cache
def _shared() -> tuple[str, ...]:
    sites = {os.path.realpath(folder) for folder in _site_folders()}
    known = sites | {os.path.realpath(line) for one in sites for line in _added(one)}
    path = [os.path.realpath(entry) for entry in sys.path if entry]
    return (*(entry for entry in path if entry in known), lockgate_folder())


def _site_folders() -> list[str]:
    return [*site.getsitepackages(), site.getusersitepackages()]


def _added(folder: str) -> Iterator[str]:
    """The folders that the ``.pth`` files of a site folder name. No line is run."""
    for path in sorted(Path(folder).glob("*.pth")):
        try:
            raw = read_bounded(str(path), PTH_LIMIT_BYTES)
            lines = raw.decode("utf-8").splitlines()
        except (UnreadableError, UnicodeDecodeError):
            continue
        for line in lines:
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                yield os.path.join(folder, line.strip())  # noqa: PTH118 - may be absolute
