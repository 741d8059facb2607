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


def complain(error: SandboxError, *, as_json: bool = False, way_out: str = "") -> None:
    """Write `error` and its way out to standard error; as JSON to standard output.

    `way_out` is that of this command line, in place of the error's own hint.
    """
    if as_json:
        told = {"code": error.code, "message": str(error), "hint": error.hint}
        print(json.dumps({"error": told}, indent=2))
        return
    hint = way_out or error.hint
    print(f"lockgate-sandbox: {error} [{error.code}]", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
