"""The names of programs that a wheel brings."""

from __future__ import annotations

import re

from lockgate_marketplace.errors import WheelError

__all__ = ["check_script"]

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_TAKEN = re.compile(
    r"(?:pythonw?|pypy|python-config|pydoc|idle)[0-9.]*t?(?:-config|-intel64)?"
    r"|(?:de)?activate(?:_this)?"
)
"""An interpreter's and an environment's own programs."""
_EXTENSIONS = re.compile(r"(?:\.(?:exe|com|bat|cmd|ps1|py|pyw|sh|fish|csh|nu))+")


def check_script(name: str, where: str) -> None:
    """Judge the name of a script or of a ``console_scripts`` entry.

    Raises:
        WheelError: If it is no plain file name, or a program's that others start.
    """
    if not _PLAIN.fullmatch(name):
        message = f"the script is named {name[:80]!r}"
        raise WheelError("wheel-script-name", message, where=where)
    if _TAKEN.fullmatch(_EXTENSIONS.sub("", name.lower())):
        message = f"the script {name!r} would stand in for a program of that name"
        raise WheelError("wheel-interpreter", message, where=where)
