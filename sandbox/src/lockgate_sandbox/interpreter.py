"""Running source text that you did not write: a notebook cell, a model's answer.

`run_python` runs one text in a sealed process of its own; an `Interpreter` keeps
one process and its names for text after text. Both are a `Worker` whose target is
ours: everything that holds for a worker holds here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lockgate_sandbox.backend import Confinement, open_confinement
from lockgate_sandbox.errors import (
    ClosedError,
    Data,
    PolicyError,
    ProtocolError,
    SandboxError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Usage
from lockgate_sandbox.tiers import Tier

__all__ = ["Interpreter", "PythonResult", "run_python"]

_GUEST = Path(__file__).resolve().parent / "_guest"
_TARGET = "lockgate_guest:build"


@dataclass(frozen=True, slots=True)
class PythonResult:
    """What came of one source text.

    `value` is what its last line is worth, where that is an expression and made of
    `Data` (a tuple becomes a list), else None; `text` is that value's repr, as a
    notebook shows it, or empty. `output` is what was printed, standard error
    included, in order, at most the policy's `output_bytes`. `error` is what ended
    it early: a `RemoteError` if it raised, a `LimitError`, or `WorkerDiedError`.
    `usage` is what it used, if it came to its end.

    `value`, `text`, `output` and the text of a `RemoteError` are the code's own words.
    """

    value: Data
    text: str
    output: str
    error: SandboxError | None
    posture: Posture
    usage: Usage | None

    def check(self) -> PythonResult:
        """This result, if nothing ended it early.

        Raises:
            SandboxError: `error`, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self


class Interpreter:
    """A sealed process that runs text after text and keeps its names.

    `close` it, or use it as a context manager. When a limit or a crash has ended
    it, the next `run` raises `ClosedError`: open another one.
    """

    def __init__(
        self,
        sandbox: Confinement,
        policy: Policy,
        tools: Mapping[str, Callable[..., object]],
        path: Sequence[str],
    ) -> None:
        self._worker = sandbox.worker(
            policy,
            target=_TARGET,
            path=[str(_GUEST), *path],
            arguments={"tools": {name: _positional(t) for name, t in tools.items()}},
            callbacks={name: _callback(name, t) for name, t in tools.items()},
            name="interpreter",
        )
        self._count = 0
        self._undo = ExitStack()

    @classmethod
    def open(
        cls,
        policy: Policy | Tier | str | None = None,
        *,
        tools: Mapping[str, Callable[..., object]] | None = None,
        path: Sequence[str] = (),
        sandbox: Confinement | None = None,
    ) -> Interpreter:
        """Start one under `policy`, or a tier's own (default: read-only).

        `tools` are functions of the host that the code can call by name; arguments
        and answers are `Data`. `path` are folders that it can import from. Without
        `sandbox` it has one of its own, which takes some 100 ms longer to start.

        Raises:
            PlatformError: If there are no kernel layers on this system, and no other
                backend is registered.
            LayerMissingError: If a strict layer can't be had here.
            StartError: If it can't be started.
            PolicyError: If a tool's name is no identifier, or it is a coroutine
                function.
        """
        wanted = policy or "read-only"
        if isinstance(wanted, str):
            wanted = Policy.for_tier(wanted)
        given = dict(tools or {})
        _check_names("tool", given)
        _check_plain(given)
        with ExitStack() as undo:
            owner = sandbox or undo.enter_context(open_confinement())
            made = cls(owner, wanted, given, path)
            made._undo = undo.pop_all()
        return made

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def posture(self) -> Posture:
        """The layers that hold it."""
        return self._worker.posture

    @property
    def alive(self) -> bool:
        """Whether it can still run anything."""
        return self._worker.alive

    def close(self) -> None:
        """Kill the process and wait until it is reaped. May be repeated."""
        self._worker.close()
        self._undo.close()

    def run(
        self,
        source: str,
        *,
        inputs: Mapping[str, Data] | None = None,
        timeout: float | None = None,
        name: str = "",
    ) -> PythonResult:
        """Run `source`, with `inputs` as names in it; tools run on this thread.

        `timeout` (seconds) can only shorten the policy's wall limit. Tracebacks call
        the text `name`, by default ``<cell 1>``, ``<cell 2>``...

        Raises:
            ClosedError: If it ended before.
            PolicyError: If the inputs may not cross, or one is no identifier.
        """
        given = dict(inputs or {})
        _check_names("input", given)
        self._count += 1
        arguments: dict[str, Data] = {
            "source": source,
            "name": name or f"<cell {self._count}>",
            "inputs": given,
        }
        worker = self._worker
        try:
            reply = worker.call("run", arguments, timeout=timeout)
        except (ClosedError, PolicyError):
            raise
        except SandboxError as error:
            printed = self._unread()
            return PythonResult(None, "", printed, error, worker.posture, None)
        told = reply.value
        if not (isinstance(told, list) and len(told) == 3):
            worker.close()
            broken = ProtocolError("the reply is no result of a cell")
            return PythonResult(None, "", reply.output, broken, worker.posture, None)
        value, text = told[1], str(told[2])
        posture, usage = worker.posture, reply.usage
        return PythonResult(value, text, reply.output, None, posture, usage)

    def _unread(self) -> str:
        """What was printed before the error."""
        if not self._worker.alive:
            return self._worker.last_output
        try:
            return self._worker.call("flush").output
        except SandboxError:
            return self._worker.last_output


def run_python(
    source: str,
    policy: Policy | Tier | str | None = None,
    *,
    inputs: Mapping[str, Data] | None = None,
    tools: Mapping[str, Callable[..., object]] | None = None,
    path: Sequence[str] = (),
    name: str = "<python>",
    sandbox: Confinement | None = None,
) -> PythonResult:
    """Run one source text in a sealed process of its own: see `Interpreter`.

    `policy` may be a tier, or its name, too.

    What the code does is in the result, whatever it does; only what keeps it from
    being started raises.

    Raises:
        LayerMissingError: If a strict layer can't be had here.
        StartError: If it can't be started.
        PolicyError: If an argument makes no sense.
    """
    opened = Interpreter.open(policy, tools=tools, path=path, sandbox=sandbox)
    with opened as interpreter:
        return interpreter.run(source, inputs=inputs, name=name)


def _check_names(what: str, names: Mapping[str, object]) -> None:
    for name in names:
        if not name.isidentifier():
            msg = f"an {what} is a name in the code, and {name!r} can't be one"
            raise PolicyError(msg.replace("an tool", "a tool"))


def _check_plain(tools: Mapping[str, Callable[..., object]]) -> None:
    for name, tool in tools.items():
        if inspect.iscoroutinefunction(tool):
            raise PolicyError(
                f"the tool {name} is a coroutine function, and nobody would await it",
                hint="give a plain function, which may call asyncio.run",
            )


def _positional(tool: Callable[..., object]) -> list[Data]:
    """The parameters of `tool` that a caller may give by position."""
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = inspect.signature(tool).parameters.values()
    return [one.name for one in parameters if one.kind in kinds]


def _callback(
    name: str, tool: Callable[..., object]
) -> Callable[[dict[str, Data]], object]:
    signature = inspect.signature(tool)

    def call(arguments: dict[str, Data]) -> object:
        try:
            signature.bind(**arguments)
        except TypeError as error:
            # A ValueError's text reaches the code, which can then correct itself.
            raise ValueError(f"{name}(): {error}") from None
        return tool(**arguments)

    return cast("Callable[[dict[str, Data]], object]", call)
