"""The document that ``run --report`` writes, and the grants that its denials name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate_sandbox.errors import SandboxError
    from lockgate_sandbox.policy import Policy
    from lockgate_sandbox.results import RunResult

__all__ = ["GRANTS", "report"]

GRANTS = {
    "read": "--allow-read {}",
    "write": "--allow-write {}",
    "net": "--allow-net HOST[:PORT]",
    "device": "--allow-device {}",
    "secret": "--secret {}=VARIABLE",
    "program": "none: a file run this way starts no programs",
    "process": "none: a file run this way starts no processes",
}
"""The option that would allow what was denied, by right."""


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
                "grant": item.grant or GRANTS.get(item.right, "").format(item.what),
            }
            for item in (result.denials if result else ())
        ],
    }
