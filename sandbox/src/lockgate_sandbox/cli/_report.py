"""The document that ``run --report`` writes, and the grants that its denials name."""

from __future__ import annotations

import os
import shlex
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.results import Denial, RunResult

__all__ = ["grant_for", "report"]

_GRANTS = {
    "read": "--allow-read {}",
    "device": "--allow-device {}",
    "secret": "--secret {}=VARIABLE",
    "program": "none: a file run this way starts no programs",
    "process": "none: a file run this way starts no processes",
}

_TEMPORARY = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108 - where tempfile looks


def grant_for(denial: Denial, script: str) -> str:
    """The option of ``run`` that would allow what `script` was denied, or nothing."""
    if denial.grant:
        return denial.grant
    what = denial.what
    if denial.right == "write":
        return _write(what)
    if denial.right == "net":
        # A host by its name or address; else the audit event of a bare socket.
        return f"--allow-net {'HOST[:PORT]' if ' ' in what else shlex.quote(what)}"
    if denial.right == "import":
        return f"--path {_folder_of(what.partition('.')[0], script)}"
    return _GRANTS.get(denial.right, "").format(shlex.quote(what))


def _write(what: str) -> str:
    """A grant names what exists: of a new file, the folder that it comes into."""
    path = Path(what)
    if str(path.parent) in _TEMPORARY and not os.path.lexists(path):
        return "--tier basic, for a temporary folder of its own"
    while not os.path.lexists(path):
        path = path.parent
    return f"--allow-write {shlex.quote(str(path))}"


def _folder_of(name: str, script: str) -> str:
    """Where a module lies that an import did not find, or a word for it."""
    for folder in (str(Path(script).parent), sysconfig.get_path("purelib")):
        place = Path(folder)
        if (place / f"{name}.py").is_file() or (place / name).is_dir():
            return shlex.quote(folder)
    return "DIR, the folder that it lies in"


def report(
    script: str,
    policy: Policy | None,
    status: int,
    result: RunResult | None,
    error: SandboxError | None,
) -> dict[str, object]:
    """What is known of a run, as plain data; ``docs/reference/sandbox-report.md``."""
    usage = result.usage if result else None
    return {
        "schema": 1,
        "file": script,
        "status": status,
        "error": None
        if error is None
        else {"code": error.code, "message": str(error), "hint": error.hint},
        "policy": policy.to_dict() if policy else None,
        "posture": result.posture.to_dict() if result else None,
        "usage": None
        if usage is None
        else {
            "cpu_seconds": usage.cpu_seconds,
            "wall_seconds": usage.wall_seconds,
            "peak_memory_bytes": usage.peak_memory_bytes,
        },
        "denials": [
            {
                "right": item.right,
                "what": item.what,
                "grant": grant_for(item, script),
            }
            for item in (result.denials if result else ())
        ],
    }
