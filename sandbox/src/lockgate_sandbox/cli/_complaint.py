"""How an error is told on a command line, and the statuses for it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate_sandbox.errors import SandboxError

__all__ = ["INVALID", "REFUSED", "complain"]

REFUSED = 125
"""Exit status when nothing was started: this machine or a grant stands against it."""

INVALID = 3
"""Exit status of a verb that starts nothing and was given what makes no sense."""

_OPTIONS = {
    "cpu-limit": "--cpu SECONDS",
    "wall-limit": "--wall SECONDS",
    "memory-limit": "--memory SIZE, like 512M",
    "process-limit": "--pids NUMBER",
    "descriptor-limit": "--files NUMBER",
    "file-size-limit": "--file-size SIZE, like 64M, within --disk",
    "disk-limit": "--disk SIZE, like 256M",
    "inode-limit": "--inodes NUMBER",
}


def complain(error: SandboxError, *, as_json: bool = False) -> None:
    """Write `error` and its way out to standard error; as JSON to standard output."""
    if as_json:
        told = {"code": error.code, "message": str(error), "hint": error.hint}
        print(json.dumps({"error": told}, indent=2))
        return
    option = _OPTIONS.get(error.code)
    hint = f"give it more with {option}" if option else error.hint
    print(f"lockgate-sandbox: {error} [{error.code}]", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
