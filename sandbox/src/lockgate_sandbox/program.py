"""Programs in a sandbox of their own: results and how they are read back."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockgate_sandbox.errors import SandboxError
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.worker import Usage

__all__ = ["ProgramResult", "RunResult"]


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended; `status` is negative for a signal, as in subprocess.

    `stdout` and `stderr` are bounded by the policy's `output_bytes` and end with
    a marker where something was dropped. `files` are what was asked to be
    collected, by path relative to the program's folder.
    """

    status: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]
    posture: Posture
    usage: Usage


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a script ended: its `status`, or the `error` that stopped it.

    `status` is what a shell would see: the script's own, 128 + N for a signal N
    of its own making, 124 for the wall limit, 137 for another limit.
    """

    status: int
    posture: Posture
    usage: Usage
    error: SandboxError | None = None
    denials: tuple[str, ...] = field(default=())
