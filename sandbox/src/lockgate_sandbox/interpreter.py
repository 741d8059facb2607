"""Running source text that you did not write: a notebook cell, a model's answer.

`run_python` runs one text in a sealed process of its own; an `Interpreter` keeps
one process and its names for text after text. Both are a `Worker` whose target is
ours: everything that holds for a worker holds here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lockgate_sandbox._cells import Request, Told, check_names, missed
from lockgate_sandbox._given import check_broker, check_sandbox, policy_of
from lockgate_sandbox._offered import callback_of, check_plain, parameters_of
from lockgate_sandbox._spelling.arguments import (
    check_lists,
    check_mapping,
    check_seconds,
)
from lockgate_sandbox.backend import Confinement, open_confinement
from lockgate_sandbox.errors import (
    ClosedError,
    Data,
    PolicyError,
    ProtocolError,
    SandboxError,
    StartError,
)
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.results import Denial, PythonResult
from lockgate_sandbox.tiers import Tier

if TYPE_CHECKING:
    from lockgate_sandbox._line.live import Live
    from lockgate_sandbox.broker import Broker
    from lockgate_sandbox.data import Given
    from lockgate_sandbox.replies import Usage

__all__ = ["Interpreter", "run_python"]

_GUEST = Path(__file__).resolve().parent / "_guest"
_TARGET = "lockgate_guest:build"

_REST_SECONDS = 1.0
"""What a text that has used up its time is left to hand over what it made."""


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
        broker: Broker | None,
        *,
        lazy: bool = False,
    ) -> None:
        self._policy = policy
        self._folders = tuple(os.path.abspath(folder) for folder in path)  # noqa: PTH100
        self._broker = broker
        parameters: dict[str, Data] = {n: parameters_of(n, t) for n, t in tools.items()}
        self._worker = sandbox.worker(
            policy,
            target=_TARGET,
            path=[str(_GUEST), *path],
            arguments={"tools": parameters, "brokered": broker is not None},
            callbacks={name: callback_of(name, t) for name, t in tools.items()},
            broker=broker,
            name="interpreter",
            lazy=lazy,
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
        broker: Broker | None = None,
        sandbox: Confinement | None = None,
        lazy: bool = False,
    ) -> Interpreter:
        """Start one under `policy`, or a tier's own (default: `broker`'s, read-only).

        `tools` are functions of the host that the code can call by name; arguments
        and answers are `Data`; what one raises is the error's ``__cause__`` if the
        text ends by it. `path` are folders that it can import from. A policy
        with hosts, devices or the like has a broker: `broker`, which stays the
        caller's to close, or one without secrets and record. The code asks it by
        ``from lockgate_session import session``, or connects to a granted host.
        Without `sandbox` it has one of its own, some 100 ms slower to start. With
        `lazy` it is sealed at once and started by the first `run`, which is quicker.

        Raises:
            PlatformError: If there are no kernel layers on this system, and no other
                backend is registered.
            LayerMissingError: If a strict layer can't be had here.
            StartError: If it can't be started.
            PolicyError: If an argument is of the wrong kind, the broker grants what
                the policy does not, a tool's name is no identifier, or it is a
                coroutine function.
        """
        own = broker.policy if broker is not None else Tier.READ_ONLY
        wanted = policy_of(own if policy is None else policy)
        if broker is not None:
            check_broker(wanted, broker)
        check_sandbox(sandbox)
        check_lists(path=path)
        check_mapping("tools", tools or {}, "{'name': function}")
        given = dict(tools or {})
        check_names("tool", given)
        for name, tool in given.items():
            check_plain(f"the tool {name}", tool)
        with ExitStack() as undo:
            owner = sandbox or undo.enter_context(open_confinement())
            if broker is None and wanted.brokered:
                broker = undo.enter_context(_broker(wanted))
            made = cls(owner, wanted, given, path, broker, lazy=lazy)
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
        """Kill the process and wait until it is reaped. May be repeated.

        From any thread: a text that runs in another one ends with `ClosedError`.
        """
        self._worker.close()
        self._undo.close()

    def run(
        self,
        source: str,
        *,
        inputs: Mapping[str, Given] | None = None,
        files: Mapping[str, bytes] | None = None,
        collect: Sequence[str] = (),
        timeout: float | None = None,
        name: str = "",
        on_output: Callable[[str], object] | None = None,
    ) -> PythonResult:
        """Run `source`, with `inputs` as names in it; tools run on this thread.

        `files` are written into its scratch folder, where it starts; `collect` are
        globs (``*``, ``?``, ``**``) of what to give back of that folder, at most one
        message of it. `timeout` (seconds) can only shorten the policy's wall limit; a
        text that has failed hands over what is collected in what is left of it, or in
        one second.
        Tracebacks call the text `name`, by default ``<cell 1>``, ``<cell 2>``...

        `on_output` is called on this thread with what is printed, some milliseconds
        after that: the code's own words, control characters and all. Joined they are
        `PythonResult.output`. While it runs, the text goes on and nobody looks at its
        wall limit. If it raises, the process is killed, and that is what `run` raises.

        Raises:
            ClosedError: If it ended before, or another thread closed it.
            StartError: If it is `lazy` and can't be started.
            PolicyError: If an argument is of the wrong kind, the inputs may not
                cross, one is no identifier, or the policy has no scratch folder for
                files. If a tool or `on_output` of this interpreter calls.
        """
        check_seconds("timeout", timeout)
        live = None if on_output is None else self._live(on_output)
        self._count += 1
        request = Request(
            source,
            name or f"<cell {self._count}>",
            inputs=inputs or {},
            files=files or {},
            collect=collect,
            policy=self._policy,
            folders=self._folders,
            number=self._count,
        )
        refused: list[Denial] = []
        started = time.monotonic()
        with ExitStack() as stack:
            if self._broker is not None:
                from lockgate_sandbox.broker import denials_into

                stack.enter_context(self._broker.telling(denials_into(refused)))
            try:
                call = self._worker.call if live is None else live.call
                arguments = request.run(live=live is not None)
                reply = call("run", arguments, timeout=timeout)
            except (ClosedError, PolicyError, StartError):
                raise
            except SandboxError as error:
                if live is not None and error is live.raised:
                    raise
                return self._failed(error, request, refused, started, timeout, live)
        try:
            told = request.told(reply.value)
        except ProtocolError as broken:
            self._worker.close()
            return self._result(broken, Told(), reply.output, refused)
        return self._result(None, told, reply.output, refused, reply.usage)

    def _failed(
        self,
        error: SandboxError,
        request: Request,
        refused: Sequence[Denial],
        started: float,
        timeout: float | None,
        live: Live | None,
    ) -> PythonResult:
        """The result of a text that `error` ended, with what it left.

        That is told in what is left of its time: it may answer as it likes, or never.
        """
        worker, output = self._worker, error.output
        if worker.alive:
            wall = time.monotonic() - started
            most = self._policy.limits.wall_seconds
            most = most if timeout is None else min(most, timeout)
            left_seconds = max(most - wall, _REST_SECONDS)
            call = worker.call if live is None else live.call
            try:
                reply = call("rest", request.rest(), timeout=left_seconds)
                output += reply.output
                left = request.left(reply.value)
            except SandboxError as failed:
                if live is not None and failed is live.raised:
                    raise
                output += failed.output
            else:
                usage = msgspec.structs.replace(reply.usage, wall_seconds=wall)
                return self._result(error, left, output, refused, usage)
        return self._result(error, Told(), output, refused)

    def _live(self, on_output: Callable[[str], object]) -> Live:
        """What calls the worker and tells `on_output` what it prints meanwhile.

        Raises:
            PolicyError: If it is no function, or this is another backend's worker.
        """
        check_plain("on_output", on_output)
        from lockgate_sandbox._line.live import Live
        from lockgate_sandbox.worker import Worker

        if not isinstance(self._worker, Worker):
            raise PolicyError(
                "this backend's workers are not heard while they run",
                hint="`output` of the result is what was printed",
            )
        return Live(self._worker.line, on_output)

    def _result(
        self,
        error: SandboxError | None,
        told: Told,
        output: str,
        refused: Sequence[Denial],
        usage: Usage | None = None,
    ) -> PythonResult:
        return PythonResult(
            told.value,
            told.text,
            output,
            missed(error, told.denials),
            self._worker.posture,
            usage,
            (*refused, *told.denials),
            told.files,
        )


def run_python(
    source: str,
    policy: Policy | Tier | str | None = None,
    *,
    inputs: Mapping[str, Given] | None = None,
    files: Mapping[str, bytes] | None = None,
    collect: Sequence[str] = (),
    tools: Mapping[str, Callable[..., object]] | None = None,
    path: Sequence[str] = (),
    timeout: float | None = None,
    name: str = "<python>",
    on_output: Callable[[str], object] | None = None,
    broker: Broker | None = None,
    sandbox: Confinement | None = None,
) -> PythonResult:
    """Run one source text in a sealed process of its own: see `Interpreter`.

    `policy` may be a tier, or its name, too.

    What the code does is in the result, whatever it does; only what keeps it from
    being started raises, or another thread that closes `sandbox`.

    Raises:
        ClosedError: If `sandbox` is closed, or was while the text ran.
        LayerMissingError: If a strict layer can't be had here.
        StartError: If it can't be started.
        PolicyError: If an argument makes no sense.
    """
    opened = Interpreter.open(
        policy, tools=tools, path=path, broker=broker, sandbox=sandbox, lazy=True
    )
    with opened as interpreter:
        return interpreter.run(
            source,
            inputs=inputs,
            files=files,
            collect=collect,
            timeout=timeout,
            name=name,
            on_output=on_output,
        )


def _broker(policy: Policy) -> Broker:
    from lockgate_sandbox.broker import Broker

    return Broker(policy, worker="interpreter")
