"""Where a path leads, and by which links: for whoever grants it.

A host that looks a path up when it is granted, and judges the links in it, puts what
it found into its policies and opens its `Sandbox` with ``follow_links=False``.
"""

from __future__ import annotations

import errno
import os

__all__ = ["resolved"]

_LINKS_LIMIT = 40
"""As many as the kernel follows (path_resolution(7))."""


def resolved(path: str) -> tuple[str, tuple[str, ...]]:
    """The absolute `path` without links, and each link on the way by its own place.

    Each part is looked up once, so that both are of the same moment. A part that is
    not there is no link.

    Raises:
        OSError: If there are more links than the kernel would follow.
    """
    left = path.split("/")[::-1]
    here, links = "", list[str]()
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            here = here.rpartition("/")[0]
            continue
        one = f"{here}/{part}"
        try:
            target = os.readlink(one)  # noqa: PTH115 - text, for every start
        except OSError:
            here = one
            continue
        if len(links) == _LINKS_LIMIT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        links.append(one)
        if target.startswith("/"):
            here = ""
        left += target.split("/")[::-1]
    return here or "/", tuple(links)
