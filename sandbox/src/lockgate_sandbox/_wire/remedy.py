"""What would let code do what it was refused, told from the words of its exception.

The words are the worker's: this is advice for a person, who grants or does not.
Nothing acts on it, and no answer depends on it.
"""

from __future__ import annotations

import os
import re
import sysconfig

from lockgate_sandbox.policy import Policy

__all__ = ["way_out"]

_MODULE = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_DENIED = re.compile(r"\[Errno 13\] Permission denied: '([^'\n]{1,1000})'")
_REFUSED = "[Errno 1] Operation not permitted"
"""What seccomp says. With a path behind it, it is about a file's mode or times."""

_NO_NAME = "Temporary failure in name resolution"
_NO_SCRATCH = "No usable temporary directory"

_FUNCTION = "give it a function of yours that does it (`tools`, `callbacks`)"


def way_out(kind: str, message: str, policy: Policy) -> str:
    """What a person may do about an exception of class `kind`, or an empty text."""
    if kind == "ModuleNotFoundError":
        found = _MODULE.match(message)
        return _import_from(found[1]) if found else ""
    if _NO_SCRATCH in message:
        return _scratch(policy)
    if _NO_NAME in message:
        return f"it has no network: {_FUNCTION}, or grant `hosts`"
    if kind != "PermissionError":
        return ""
    if message == _REFUSED:
        what = "it may open no socket and start no process or program"
        return f"{what}: {_FUNCTION}"
    found = _DENIED.fullmatch(message)
    return _path(found[1], policy) if found else ""


def _import_from(module: str) -> str:
    name = module.partition(".")[0]
    here = sysconfig.get_path("purelib")
    known = any(
        os.path.lexists(os.path.join(here, name + end))  # noqa: PTH118
        for end in ("", ".py")
    )
    folder = repr(here) if known else "the folder that it lies in"
    return f"it can import from the standard library and from `path`: add {folder}"


def _path(path: str, policy: Policy) -> str:
    if not path.startswith("/"):
        # It stands in its scratch folder, or where nothing can be written.
        return _scratch(policy) or "grant it: `read` and `write` name absolute paths"
    if any(path == item or path.startswith(item + "/") for item in policy.read):
        return f"to change it, grant `write=({path!r},)`, from tier elevated"
    return f"to read it, grant `read=({path!r},)`; to change it, `write`"


def _scratch(policy: Policy) -> str:
    if policy.tier.may_write:
        return ""
    return "tier basic has a folder of its own to write to; `write` grants one of yours"
