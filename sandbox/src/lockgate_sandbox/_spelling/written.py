"""Folders that workers may write to: no link in them is the owner's.

A link in a granted path is followed by the process of whoever granted it: ``/tmp`` may
be one, and the ``python`` of a virtual environment is. Whoever may write to a folder
decides what its names stand for, though, and a worker that may write to ``/srv/a``
could put a link to ``/home/me/.ssh`` where another policy says ``/srv/a/data``. So a
link that lies in a folder which some policy of this process lets a worker write to is
never followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.places import resolved

__all__ = ["WRITTEN", "Written", "owners_place", "ways"]


class Written:
    """The folders that workers may write to, without links; they only become more."""

    def __init__(self) -> None:
        self._folders: dict[str, None] = {}

    def note(self, folders: Iterable[str]) -> None:
        """Some worker may write to `folders`, which hold no link, from now on."""
        self._folders |= dict.fromkeys(folders)

    def planted(self, links: Iterable[str]) -> str:
        """The first of `links` that a worker may have made; else an empty text."""
        folders = tuple(self._folders)  # at once: other threads note more meanwhile
        for link in links:
            for folder in folders:
                if link.startswith(f"{folder.rstrip('/')}/"):
                    return link
        return ""


WRITTEN = Written()
"""Of this process: a file system is shared by all its sandboxes."""


def owners_place(what: str, path: str) -> str:
    """Where `path` leads by links of its owner alone; `what` says who asks.

    Raises:
        PolicyError: If it leads through a link that a worker may have put there, or
            through too many.
    """
    try:
        real, links = resolved(path)
    except OSError as error:
        raise PolicyError(
            f"{what}: {path} can't be followed: {error.strerror}"
        ) from None
    if planted := WRITTEN.planted(links):
        raise PolicyError(
            f"{what}: {path} leads through the link {planted}, "
            "in a folder that workers may write to",
            hint="name the place it should lead to, by a path without that link",
        )
    return real


def ways(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Where `path` leads, and then each link on the way by its own place.

    Whoever may change one of them decides what is found by `path`.

    Raises:
        OSError: If there are more links than the kernel would follow.
    """
    # Not `os.path.abspath`, which takes ".." out before the links are followed.
    real, links = resolved(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118
    return real, *links
