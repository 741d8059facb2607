"""Whether this system has the kernel layers at all, and what stands in where not.

Importing works everywhere: values, policies and errors are the same on all systems.
What needs the kernel refuses when it is used.
"""

from __future__ import annotations

import os
import sys

from lockgate_sandbox.errors import PlatformError

__all__ = ["HINT", "here", "refusal", "require", "stand_in"]

_MACHINES = ("x86_64", "aarch64")
HINT = (
    "run it on Linux (x86-64 or aarch64; a virtual machine or container will do), or "
    "register a backend of your own: lockgate_sandbox.backend.register"
)
"""The way out."""


def refusal() -> PlatformError | None:
    """Why nothing untrusted can be started on this system; None where it can."""
    platform, machine = here()
    if platform == "linux" and machine in _MACHINES:
        return None
    return PlatformError(platform, machine, hint=HINT)


def here() -> tuple[str, str]:
    """The platform as Python names it, and on Linux the machine."""
    return sys.platform, os.uname().machine if sys.platform == "linux" else ""


def require() -> None:
    """Go on where the kernel layers can be had.

    Raises:
        PlatformError: Where not.
    """
    refused = refusal()
    if refused is not None:
        raise refused


class _Elsewhere:
    """A class of the kernel's sandbox on a system without it: refuses to be made."""

    def __init__(self, *_: object, **__: object) -> None:
        raise refusal() or AssertionError

    @classmethod
    def open(cls, **_: object) -> object:
        """Refuse.

        Raises:
            PlatformError: Always.
        """
        raise refusal() or AssertionError


def stand_in(name: str) -> type:
    """What is imported as `name` where `refusal` says that it can't work."""
    about = f"``{name}`` needs Linux: using it raises `PlatformError`."
    return type(name, (_Elsewhere,), {"__doc__": about, "__module__": __package__})
