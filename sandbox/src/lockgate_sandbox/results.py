"""How a text, a script or a program ended: what running one gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, cast

from lockgate_sandbox.errors import Data, LimitError, SandboxError, WallLimitError
from lockgate_sandbox.posture import Posture

if TYPE_CHECKING:
    from lockgate_sandbox.replies import Usage

__all__ = [
    "Denial",
    "ProgramResult",
    "PythonResult",
    "RunResult",
    "error_document",
    "limit_status",
    "usage_document",
]


@dataclass(frozen=True, slots=True)
class Denial:
    """Something that was tried without the right to it.

    `right` is read, write, net, env (a variable that the host has), program, process
    or import, or what a broker refused: net, path, device, secret or tool. `what`
    names the resource, `grant` says what would allow it, where that is known.
    """

    right: str
    what: str
    grant: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain data: the fields by name."""
        return {"right": self.right, "what": self.what, "grant": self.grant}


@dataclass(frozen=True, slots=True)
class PythonResult:
    """What came of one source text.

    `value` is what its last line is worth, where that is an expression and made of
    `Data` (a tuple becomes a list) or an array, else None; `text` is that value's
    repr, as a notebook shows it, or empty. `output` is what was printed, standard
    error included, in order, at most the policy's `output_bytes`. `error` is what
    ended it early: a `RemoteError` if it raised, a `LimitError`, or
    `WorkerDiedError`. `usage` is what it used, if its process lives on.

    `denials` are what it tried beyond its rights, and what would allow each: first
    what its broker refused meanwhile, which is a fact (also if another worker of that
    broker asked), then its process's own words, which are lost if that was killed.
    `files` are what was asked to be collected, by path relative to its scratch folder.

    `value`, `text`, `output`, `files` and the text of a `RemoteError` are the code's
    own words.
    """

    value: Data
    text: str
    output: str
    error: SandboxError | None
    posture: Posture = field(repr=False)
    usage: Usage | None = field(repr=False)
    denials: tuple[Denial, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def check(self) -> PythonResult:
        """This result, if nothing ended it early.

        Raises:
            SandboxError: `error`, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self

    def to_dict(self) -> dict[str, object]:
        """Plain data, as ``run --report`` writes it: all but the arrays and files.

        `value` is left out where JSON has no form for it, `files` are their sizes.
        """
        return {
            "value": _for_json(self.value),
            "text": self.text,
            "output": self.output,
            "error": error_document(self.error),
            "posture": self.posture.to_dict(),
            "usage": usage_document(self.usage),
            "denials": [item.to_dict() for item in self.denials],
            "files": {path: len(data) for path, data in self.files.items()},
        }


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
    posture: Posture = field(repr=False)
    usage: Usage = field(repr=False)


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
    posture: Posture = field(repr=False)
    usage: Usage = field(repr=False)
    error: SandboxError | None = None
    denials: tuple[Denial, ...] = ()


def limit_status(error: SandboxError | None) -> int:
    """What a shell sees of a limit that ended a run: 124 wall, 137 another.

    0 if `error` is none, or only what the run says that it ran into.
    """
    if isinstance(error, WallLimitError):
        return 124
    return 137 if isinstance(error, LimitError) and not error.claimed else 0


def error_document(error: SandboxError | None) -> dict[str, str] | None:
    """An error as plain data."""
    if error is None:
        return None
    return {"code": error.code, "message": str(error), "hint": error.hint}


def usage_document(usage: Usage | None) -> dict[str, float] | None:
    """What was used as plain data."""
    if usage is None:
        return None
    return {
        "cpu_seconds": usage.cpu_seconds,
        "wall_seconds": usage.wall_seconds,
        "peak_memory_bytes": usage.peak_memory_bytes,
    }


def _for_json(value: object) -> Data:
    """`value` if it is made of what JSON has a form for, else None."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, list):
        return [_for_json(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, object]", value)
        return {key: _for_json(item) for key, item in given.items()}
    return None
