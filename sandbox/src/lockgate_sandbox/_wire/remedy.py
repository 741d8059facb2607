"""What would let code do what it was refused, told from the words of its exception.

The words are the worker's: this is advice for a person, who grants or does not.
Nothing acts on it, and no answer depends on it.
"""

from __future__ import annotations

import os
import re
import sysconfig

from lockgate_sandbox.policy import Policy

__all__ = ["existing_place", "folder_of", "grant_for", "is_missed", "way_out"]

_MODULE = re.compile(r"No module named '([A-Za-z_][\w.]{0,200})'")
_DENIED = re.compile(r"\[Errno 13\] Permission denied: '([^'\n]{1,1000})'")
_REFUSED = "[Errno 1] Operation not permitted"
"""What seccomp says. With a path behind it, it is about a file's mode or times, or a
program that was started by posix_spawn(3), as `subprocess` does from Python 3.13 on."""

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
    if message.startswith(f"{_REFUSED}: '"):
        what = "it may start no program, and set no mode, owner or times of a file"
        return f"{what}: {_FUNCTION}"
    found = _DENIED.fullmatch(message)
    return _path(found[1], policy) if found else ""


def grant_for(right: str, what: str) -> str:
    """The argument that would allow a `Denial`; why not, where none would.

    `path` goes beside a policy, the others are those of `Policy.for_tier`.
    """
    if right == "read":
        return f"read=({what!r},)"
    if right == "write":
        place = existing_place(what)
        return f"write=({place!r},)" if place else "tier basic: a folder of its own"
    if right == "net":
        # A host by its name or address; else the audit event of a bare socket.
        return "hosts=('HOST:PORT',)" if " " in what else f"hosts=({what!r},)"
    if right == "env":
        return f"env={{{what!r}: os.environ[{what!r}]}}"
    if right == "import":
        folder = folder_of(what)
        return f"path=[{folder!r}]" if folder else "path=[the folder that it lies in]"
    return f"none: {_FUNCTION}"


def is_missed(right: str, what: str) -> bool:
    """Whether somebody would want to grant it: a variable has to be there."""
    try:
        return right != "env" or os.environb.get(os.fsencode(what)) is not None
    except ValueError:  # what no variable is called
        return False


_TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where tempfile looks


def existing_place(path: str) -> str:
    """What a grant to write `path` has to name: it, or the folder it comes into.

    Empty for a new file of a temporary folder: that is everybody's.
    """
    if os.path.dirname(path) in _TEMPORARY and not os.path.lexists(path):  # noqa: PTH120
        return ""
    while path not in ("", "/") and not os.path.lexists(path):
        path = os.path.dirname(path)  # noqa: PTH120
    return path or "/"


def folder_of(module: str, *folders: str) -> str:
    """Where `module` lies, if it is in `folders` or installed here; else empty."""
    name = module.partition(".")[0]
    for folder in (*folders, sysconfig.get_path("purelib")):
        place = os.path.join(folder, name)  # noqa: PTH118
        if os.path.lexists(f"{place}.py") or os.path.isdir(place):  # noqa: PTH112
            return folder
    return ""


def _import_from(module: str) -> str:
    here = folder_of(module)
    folder = repr(here) if here else "the folder that it lies in"
    return f"it can import from the standard library and from `path`: add {folder}"


def _path(path: str, policy: Policy) -> str:
    if not path.startswith("/"):
        # It stands in its scratch folder, or where nothing can be written.
        return _scratch(policy) or "grant it: `read` and `write` name absolute paths"
    if any(path == item or path.startswith(item + "/") for item in policy.read):
        return f"to change it: Policy.for_tier('elevated', write=[{path!r}])"
    wanted = f"Policy.for_tier('{policy.tier}', read=[{path!r}])"
    return f"to read it: {wanted}; to change it, `write`"


def _scratch(policy: Policy) -> str:
    if policy.tier.may_write:
        return ""
    return "tier basic has a folder of its own to write to; `write` grants one of yours"
