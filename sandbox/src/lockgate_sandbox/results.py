"""How a program or a script ended: what `Sandbox.run_program` and `run_file` give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockgate_sandbox.errors import LimitError, SandboxError, WallLimitError
from lockgate_sandbox.posture import Posture

if TYPE_CHECKING:
    from lockgate_sandbox.replies import Usage

__all__ = ["Denial", "ProgramResult", "RunResult", "limit_status"]


@dataclass(frozen=True, slots=True)
class Denial:
    """Something that was tried without the right to it.

    `right` is read, write, net, program, process or import, or what a broker refused:
    net, path, device, secret or tool. `what` names the resource, `grant` says what
    would allow it, where that is known.
    """

    right: str
    what: str
    grant: str = ""


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
    of its own making, 124 for the wall limit, 137 for another limit. A limit that
    the script ran into by itself (`error.claimed`) leaves it its own status.
    `denials` explain; like the claim they are the script's own process's words
    and prove nothing.
    """

    status: int
    posture: Posture
    usage: Usage
    error: SandboxError | None = None
    denials: tuple[Denial, ...] = ()


def limit_status(error: SandboxError | None) -> int:
    """What a shell sees of a limit that ended a run: 124 wall, 137 another.

    0 if `error` is none, or only what the run says that it ran into.
    """
    if isinstance(error, WallLimitError):
        return 124
    return 137 if isinstance(error, LimitError) and not error.claimed else 0
