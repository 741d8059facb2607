"""Which folders a grant opens: what its owner named, and not what a plugin put there.

A path is a name, and whoever may write to a folder decides what its names stand for. A
plugin that may write to ``/srv/a`` and read ``/srv/a/data`` could put a link to
``/home/me/.ssh`` there, and would be given that by the next start of its worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lockgate.grants import Grant
from lockgate_sandbox.places import resolved

__all__ = ["below", "openable", "write_folders"]


def write_folders(grants: Mapping[str, Grant]) -> dict[str, list[str]]:
    """The folders that plugins were granted to write to, by plugin."""
    return {
        plugin: [
            key.partition(":")[2] for key in grant.granted if key.startswith("write:")
        ]
        for plugin, grant in grants.items()
    }


def below(path: str, folders: Iterable[str]) -> bool:
    """Whether `path` lies in one of `folders`, and is none of them; all are real."""
    return any(path != one and Path(path).is_relative_to(one) for one in folders)


def openable(value: str, secret: Sequence[str], writable: Sequence[str]) -> str:
    """A granted path as the kernel sees it.

    `secret` are lockgate's own files and folders, `writable` the folders that plugins
    may write to.

    Raises:
        ValueError: If it is relative, absent, touches lockgate's own state, or leads
            through a link that a plugin may have made.
    """
    if not value.startswith("/"):
        message = f"{value!r} is no absolute path"
        raise ValueError(message)
    # The place and the links that lead there are of one look: between two, a link
    # could have been there for the first alone.
    try:
        real, links = resolved(value)
    except OSError as error:
        message = f"{value} can't be followed: {error.strerror}"
        raise ValueError(message) from None
    path = Path(real)
    for one in secret:
        own = Path(os.path.realpath(one))
        if path.is_relative_to(own) or own.is_relative_to(path):
            message = f"{value} touches {one}, which holds lockgate's own state"
            raise ValueError(message)
    theirs = [os.path.realpath(one) for one in writable]
    for link in links if theirs else ():
        folder = Path(os.path.dirname(link))  # noqa: PTH120
        if any(folder.is_relative_to(one) for one in theirs):
            message = f"{value} leads through {link}: a plugin may have put it there"
            raise ValueError(message)
    if not os.path.exists(real):  # noqa: PTH110 - pathlib raises in a closed folder
        message = f"{value} does not exist"
        raise ValueError(message)
    return real
