"""What no grant helps against: the mode of a file refuses whoever would read it.

A grant takes nothing away from the file's own mode. A worker runs as its host's user,
or as somebody who may do no more; so what that user may not do, no grant lets it do.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from lockgate_sandbox._spelling.beneath import is_among

if TYPE_CHECKING:
    from lockgate_sandbox.policy import Policy

__all__ = ["refused_by_mode"]

_ASKED = {"read": (os.R_OK, stat.S_IROTH), "write": (os.W_OK, stat.S_IWOTH)}


def refused_by_mode(right: str, what: str, policy: Policy) -> str:
    """Why no grant of `what` lets a worker `right` it; empty if one would.

    A worker tells of what is granted only where the file's mode refuses it.
    """
    asked, everybody = _ASKED.get(right, (0, 0))
    if not asked or what[:1] != "/":
        return ""
    try:
        place = what if os.path.lexists(what) else os.path.dirname(what)  # noqa: PTH120
        bits = os.stat(place).st_mode  # noqa: PTH116
        refused = not os.access(place, asked)
    except (OSError, ValueError):
        return ""
    if bits & everybody:  # something else refused it, or another right was wanted
        return ""
    mode = stat.filemode(bits)
    named = policy.write if asked == os.W_OK else (*policy.read, *policy.write)
    if is_among(what, named):
        why = f"it is granted, and its own mode ({mode}) refuses the worker's user"
    elif refused:
        why = f"its own mode ({mode}) refuses you, too"
    else:
        return ""
    said = why if place == what else why.replace("its own", "its folder's own")
    return f"{said}; change that, or grant a copy"
