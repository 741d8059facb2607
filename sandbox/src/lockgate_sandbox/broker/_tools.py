"""Programs of the machine (tier admin), each run in a sandbox of its own.

A program may take minutes: it runs on a thread, and the worker asks again until it
has ended, so that the call's deadline is never held up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from lockgate_sandbox.broker._gate import Gate, new_number
from lockgate_sandbox.broker._quota import QuotaError
from lockgate_sandbox.errors import CancelledError, ClosedError, Data
from lockgate_sandbox.policy import Policy, Program

if TYPE_CHECKING:
    from lockgate_sandbox.results import ProgramResult

__all__ = ["Runner", "Tools"]

_AT_ONCE = 4
_SLICE_SECONDS = 0.05

Arguments = dict[str, Data]


class Runner(Protocol):
    """What starts programs: a `Sandbox`."""

    def run_program(
        self,
        policy: Policy,
        argv: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        executable: Sequence[str] = (),
        collect: Sequence[str] = (),
        stdin: bytes = b"",
        stop: threading.Event | None = None,
    ) -> ProgramResult:
        """`Sandbox.run_program`."""
        ...


class _Run:
    """One program under way."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.stop = threading.Event()
        self.error: Exception | None = None
        self.result: Data = None


class Tools:
    """Answers ``broker.tool.*`` for one worker, and is closed with it. Thread-safe."""

    def __init__(self, gate: Gate, policy: Policy, runner: Runner) -> None:
        self._gate = gate
        self._limits = policy.limits
        self._tier = policy.tier
        self._runner = runner
        self._lock = threading.Lock()
        self._runs: dict[int, _Run] = {}
        self._closed = False

    @property
    def callbacks(self) -> dict[str, Callable[[Arguments], Data]]:
        """What a session asks for."""
        return {"broker.tool.run": self._start, "broker.tool.wait": self._wait}

    def close(self) -> None:
        """Stop what still runs, and forget what nobody will ask for any more."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
            self._runs.clear()
        for run in runs:
            run.stop.set()

    def _start(self, arguments: Arguments) -> Data:
        name = arguments.get("name")
        if not isinstance(name, str):
            msg = "a program has a name"
            raise ValueError(msg)
        grant = cast("Program | None", self._gate.named(Program, name))
        if grant is None:
            raise self._gate.refuse("tool", name, "this program is not granted")
        given = _given(arguments)
        run = _Run()
        with self._lock:
            if self._closed:
                msg = "the worker that asks has ended"
                raise ClosedError(msg)
            if len(self._runs) >= _AT_ONCE:
                raise QuotaError("programs at once", _AT_ONCE, "this worker")
            number = new_number()
            self._runs[number] = run
        self._gate.allow(grant, " ".join([name, *given.arguments]))
        threading.Thread(
            target=self._run,
            args=(run, grant, given),
            name="lockgate-tool",
            daemon=True,
        ).start()
        return number

    def _run(self, run: _Run, grant: Program, given: _Given) -> None:
        try:
            use = self._gate.hold(grant, run.stop.set)
            try:
                result = self._run_program(grant, given, run.stop)
            except CancelledError:
                use.check()  # says that the grant is gone
                raise
            finally:
                self._gate.release(use)
            use.check()  # what ran under a grant that is gone says nothing any more
            run.result = {
                "status": result.status,
                "stdout": result.stdout,
                "stderr": result.stderr,
                "files": {**result.files},
            }
        except Exception as error:
            run.error = error
        run.done.set()

    def _run_program(
        self, grant: Program, given: _Given, stop: threading.Event
    ) -> ProgramResult:
        seconds = {"wall_seconds": given.seconds} if given.seconds else {}
        limits = self._limits.tightened(seconds)
        return self._runner.run_program(
            Policy.for_tier(self._tier, limits=limits),
            [grant.path, *given.arguments],
            files=given.files,
            executable=grant.read,
            collect=given.collect,
            stdin=given.stdin,
            stop=stop,
        )

    def _wait(self, arguments: Arguments) -> Data:
        number = cast("int", arguments.get("id"))
        with self._lock:
            run = self._runs.get(number)
        if run is None:
            msg = "no such program under way"
            raise LookupError(msg)
        if not run.done.wait(_SLICE_SECONDS):
            return None
        with self._lock:
            self._runs.pop(number, None)
        if run.error is not None:
            raise run.error
        return run.result


class _Given:
    """The arguments of one run, looked at."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.files: dict[str, bytes] = {}
        self.collect: list[str] = []
        self.stdin = b""
        self.seconds = 0.0


def _given(arguments: Arguments) -> _Given:
    given = _Given()
    given.arguments = _texts(arguments.get("arguments"))
    given.collect = _texts(arguments.get("collect"))
    stdin, files = arguments.get("stdin"), arguments.get("files")
    seconds = arguments.get("timeout")
    if not isinstance(stdin, bytes) or not isinstance(files, dict):
        msg = "a program is given arguments, stdin, files and collect"
        raise ValueError(msg)
    for path, data in files.items():
        if not isinstance(data, bytes):
            msg = "a file of a program is bytes"
            raise ValueError(msg)
        given.files[path] = data
    given.stdin = stdin
    if isinstance(seconds, int | float) and seconds > 0:
        given.seconds = float(seconds)
    return given


def _texts(value: Data) -> list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return cast("list[str]", value)
    msg = "a program's arguments and patterns are lists of text"
    raise ValueError(msg)
