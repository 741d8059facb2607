"""Ways out that a worker names: in our voice only what we would say ourselves.

What a worker tells of its failure is a claim. A hint stands where lockgate says what
to do, and whoever reads it does that: a plugin may not put its own words there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

__all__ = [
    "CORRECT_NAME",
    "IMPL_CODES",
    "MARK",
    "NAMED_MODULE",
    "NO_NETWORK",
    "TAKE_ARGUMENTS",
    "WRAPPER_AGREES",
    "about",
    "brings",
    "guessed",
    "spoken",
]

IMPL_CODES = frozenset(
    {"import-failed", "import-refused"}
    | {"impl-mismatch", "impl-missing", "impl-unmarked"}
    | {"wrapper-no-generator", "wrapper-no-yield", "wrapper-second-yield"}
)
"""Why an impl can't be had, as a worker says it, or a seat in the host."""

CORRECT_NAME = "[hooks] in the manifest names it: correct the name there or here."
MARK = "Put @hookimpl, from lockgate.plugin, above it."
WRAPPER_AGREES = "Both say `wrapper = true`, or neither; only a manifest can name one."
TAKE_ARGUMENTS = "Take any of the hook's arguments, by its name."
NAMED_MODULE = "[hooks] in the manifest names it: correct it there, or add the module."
NO_NETWORK = (
    "A plugin reaches only the hosts that it was granted. If it is yours, ask for the "
    "host in its manifest: `net` under [rights], tier elevated."
)
_NO_TERMINAL = (
    "A worker has no terminal. If the plugin is yours: `lockgate test` runs its tests "
    "in the tests' own process too, and there breakpoint() works."
)
_NO_NAME = "Temporary failure in name resolution"
_NO_MODULE = re.compile(r"No module named '(\w{1,64})[.']", re.ASCII)
_BRINGS = (
    "Add what brings {} to the dependencies in the plugin's pyproject.toml and install "
    "the plugin again."
)
_PLAIN = frozenset((CORRECT_NAME, MARK, WRAPPER_AGREES, TAKE_ARGUMENTS, NAMED_MODULE))
_MODULE = re.compile(re.escape(_BRINGS).replace(r"\{\}", r"'\w{1,64}'"), re.ASCII)


def brings(module: str) -> str:
    """The way out where the top-level `module` is missing."""
    return _BRINGS.format(repr(module))


def about(file: str) -> Literal["net", "program", "call"]:
    """What a call was for that the kernel refused in the library's `file`."""
    name = file.rpartition("/")[2]
    if name in ("socket.py", "ssl.py"):
        return "net"
    if name in ("subprocess.py", "os.py", "popen_fork.py", "pty.py"):
        return "program"
    return "call"


def spoken(plugin: str, told: str, granted: Collection[str]) -> str:
    """The way out `told` by a worker: ours as it is, any other as its plugin's word.

    `granted` are the commands that the host itself has named to it meanwhile.
    """
    if not told or told in _PLAIN or _MODULE.fullmatch(told):
        return told
    if any(told == f"To allow it: {command}" for command in granted if command):
        return told
    return f"{plugin} says: {told}"


def guessed(kind: str, message: str) -> str:
    """What an exception of class `kind` may come from that says nothing of rights."""
    if _NO_NAME in message:  # a resolver that reaches no server: there is no network
        return NO_NETWORK
    if kind.endswith("BdbQuit") or message == "EOF when reading a line":
        return _NO_TERMINAL
    missing = _NO_MODULE.match(message) if kind == "ModuleNotFoundError" else None
    return brings(missing[1]) if missing else ""
