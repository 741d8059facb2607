"""Profiles: how a single Python file is compiled inside its worker.

``plain`` is Python. ``restricted`` is RestrictedPython with closed lists of builtins
and modules (``_guest/lockgate_restricted.py``): an author's slip and a curious plugin
are refused early, with a line. It is no boundary and counts as none: the seal holds
either alike.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from lockgate_sandbox.errors import StartError

__all__ = ["Profile", "restricted_locations"]

_GUEST = Path(__file__).resolve().parent / "_guest" / "lockgate_restricted.py"


class Profile(StrEnum):
    """How a file is compiled."""

    PLAIN = "plain"
    RESTRICTED = "restricted"


def restricted_locations() -> tuple[str, str]:
    """The file of the worker's side, and the folder of RestrictedPython.

    The host finds both and imports neither; a worker must be allowed to read them.

    Raises:
        StartError: If RestrictedPython is not installed here.
    """
    found = find_spec("RestrictedPython")
    if found is None or not found.submodule_search_locations:
        raise StartError(
            "profile",
            "the restricted profile needs RestrictedPython",
            hint="install lockgate-sandbox[restricted]",
        )
    folder = Path(next(iter(found.submodule_search_locations))).resolve()
    return str(_GUEST), str(folder)
