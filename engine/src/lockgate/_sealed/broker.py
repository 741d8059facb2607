"""The host's side of a worker: does what the worker may not, and writes it down.

One broker per plugin. Its callbacks run on the thread that made the hook call,
while the worker waits. What arrives is rebuilt by declared types, like an
answer; what is refused is refused with the right that is missing and the command
that would grant it, kept for the call's `Answer.denials`, and audited.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, TypeAlias, cast

from lockgate._codec.convert import to_data
from lockgate._data.folder import DataFolder
from lockgate._record.audit import AuditRecord, LogLine, Observer, Progress
from lockgate._record.trace import current_trace_id
from lockgate._rights.environment import lockgate_folder
from lockgate._rights.policy import Plan, Tool, tool_policy
from lockgate._rights.services import open_services
from lockgate._sealed.requests import (
    LogRequest,
    ProgressRequest,
    PythonRequest,
    ToolRequest,
    data_callbacks,
    request,
)
from lockgate.grants import Consent, Identity, grant_command
from lockgate.values import Data, Document, File, ProgramRun, PythonRun, Tree
from lockgate_sandbox import (
    Device,
    HostGrant,
    Limits,
    Policy,
    RemoteError,
    SandboxError,
    Tier,
    WallLimitError,
)

if TYPE_CHECKING:
    from lockgate_sandbox import Data as WireData
    from lockgate_sandbox import ProgramResult, Sandbox, Worker
    from lockgate_sandbox.broker import AuditRecord as ServiceRecord

__all__ = ["Broker", "BrokerRefusedError"]

TakenBack: TypeAlias = Callable[[], tuple[Consent, Plan] | None]

LOG_MESSAGE_LIMIT_CHARS = 8192

DENIALS_LIMIT = 200
"""Denials of a call that are kept: of more the first, and the last one."""

_NAME_CHARS = 1_000
"""Of what a worker calls something that it may not have."""

TOLD_SECONDS = 0.5
"""What a plugin is left that waited in vain for a device: to say so."""


class BrokerRefusedError(PermissionError):
    """What a worker gets that asked for more than it has."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(f"{message}. {hint}" if hint else message)
        self.code = "permission-denied"
        self.hint = hint


class Broker:
    """Answers one plugin's requests.

    `sandbox` gives the host's sandbox; it is asked for only when needed.
    `claims` is the folder that says who has which device, `data` holds the plugin's
    own files (None: it has none), `taken_back` gives the plan that holds now if it
    changed since it was asked last.
    """

    def __init__(
        self,
        identity: Identity,
        consent: Consent,
        plan: Plan,
        *,
        sandbox: Callable[[], Sandbox],
        observer: Observer,
        claims: str = "",
        data: DataFolder | None = None,
        taken_back: TakenBack | None = None,
    ) -> None:
        self._identity = identity
        self._consent = consent
        self._plan = plan
        self._sandbox = sandbox
        self._observer = observer
        self._hook = self._trace = self._waits = ""
        self._deadline = float("inf")
        self._denials: list[Document] = []
        self._running: Worker | None = None
        self._data = data
        self._taken_back = taken_back
        self._looking = threading.Lock()
        self._stop = threading.Event()
        self.services = open_services(
            plan.policy,
            identity,
            consent,
            self._note,
            claims=claims,
            pause=self._pause,
            look=self._look,
        )

    def close(self) -> None:
        """Close what is open on the plugin's behalf. May be repeated."""
        if self.services is not None:
            self.services.close()

    # -- the call around the requests ------------------------------------------

    def begin(self, hook: str, deadline: float) -> None:
        """A call of `hook` begins; `deadline` on the monotonic clock."""
        self._hook, self._deadline, self._denials = hook, deadline, []
        self._trace, self._waits = current_trace_id(), ""
        self._stop.clear()

    def _pause(self, seconds: float, why: str) -> bool:
        """Wait for a device; false if the call is over, or nearly: then it is told."""
        left = self._deadline - time.monotonic() - TOLD_SECONDS
        if left <= 0 or self._stop.is_set():
            return False
        if why != self._waits:
            self._waits = why
            self._observer.progress(Progress(self._identity.plugin, self._hook, why))
        return not self._stop.wait(min(seconds, left))

    def _look(self) -> None:
        """Take from the worker what its owner has taken back since it started.

        What is granted meanwhile comes with its next worker.
        """
        with self._looking:
            fresh = self._taken_back() if self._taken_back is not None else None
            if fresh is None:
                return
            self._consent, now = fresh
            tools = {n: t for n, t in self._plan.tools.items() if n in now.tools}
            workers = self._plan.workers and now.workers
            self._plan = replace(self._plan, tools=tools, workers=workers)
            had, has = self._plan.policy, now.policy
            if self.services is None:
                return
            left: set[object] = {*has.hosts, *has.devices, *has.secrets}
            mine: list[HostGrant | Device | str]
            mine = [*had.hosts, *had.devices, *had.secrets]
            for grant in mine:
                if grant not in left:
                    self.services.revoke(grant)

    @property
    def denials(self) -> tuple[Document, ...]:
        """What was refused since `begin`."""
        return tuple(self._denials)

    def interrupt(self) -> None:
        """End what runs on the plugin's behalf; called from another thread."""
        self._stop.set()
        running = self._running
        if running is not None:
            running.kill()

    @property
    def callbacks(self) -> Mapping[str, Callable[[Mapping[str, Data]], Data]]:
        """The requests that the worker may make, by name."""
        return {
            "progress": self._progress,
            "log": self._log,
            "run_tool": self._run_tool,
            "run_python": self._run_python,
            **data_callbacks(self._data),
        }

    # -- words ---------------------------------------------------------------------

    def _progress(self, arguments: Mapping[str, Data]) -> Data:
        line: ProgressRequest = request(ProgressRequest, arguments)
        message = line.message[:LOG_MESSAGE_LIMIT_CHARS]
        fraction = line.fraction
        if fraction is not None:
            fraction = None if isnan(fraction) else min(max(fraction, 0.0), 1.0)
        event = Progress(self._identity.plugin, self._hook, message, fraction)
        self._observer.progress(event)
        return None

    def _log(self, arguments: Mapping[str, Data]) -> Data:
        line: LogRequest = request(LogRequest, arguments)
        message = line.message[:LOG_MESSAGE_LIMIT_CHARS]
        plugin, hook = self._identity.plugin, self._hook
        self._observer.log(LogLine(plugin, hook, line.level, message, line.fields))
        return None

    # -- programs ------------------------------------------------------------------

    def _run_tool(self, arguments: Mapping[str, Data]) -> Data:
        self._look()
        wanted: ToolRequest = request(ToolRequest, arguments)
        tool = self._plan.tools.get(wanted.name)
        if tool is None:
            raise self._no_program(wanted.name)
        self._audit("run_tool", right=f"tool:{tool.name}", detail=tool.path)
        result = self._start_tool(tool, wanted)
        files = tuple(File(path, body) for path, body in result.files.items())
        run = ProgramRun(
            status=result.status,
            stdout=result.stdout,
            stderr=result.stderr,
            tree=Tree(files),
            seconds=result.usage.wall_seconds,
            posture=cast(Document, result.posture.to_dict()),
        )
        return to_data(run)

    def _start_tool(self, tool: Tool, request: ToolRequest) -> ProgramResult:
        asked = float("inf") if request.timeout is None else request.timeout
        seconds = min(asked, self._seconds_left(), 3600.0)
        try:
            return self._sandbox().run_program(
                tool_policy(tool, seconds, self._plan.owner_limits),
                [tool.path, *request.arguments],
                files={file.path: file.content for file in request.tree},
                collect=request.collect,
                stdin=request.stdin,
                stop=self._stop,
            )
        except WallLimitError as error:
            message = f"{tool.name} ran longer than {seconds:g} seconds"
            raise TimeoutError(message) from error

    def _ungranted(self) -> str:
        if self._consent.source != "stale":
            return "it is not granted"
        return (
            "what was granted was for other files of it "
            "(--any-version keeps a grant while they change)"
        )

    def _no_program(self, name: str) -> OSError:
        """Why a program can't be run: not asked for, not granted, or not there."""
        asked = {right.key for right in self._consent.asked}
        keys = [key for key in (f"program:{name}", f"tool:{name}") if key in asked]
        if not keys:
            name = name[:_NAME_CHARS]
            message = f"{self._identity.plugin}'s manifest asks for no program {name!r}"
            return self._refuse(f"tool:{name}", message)
        for key in keys:
            if self._consent.has(key) and key in self._plan.absent:
                return FileNotFoundError(self._plan.absent[key])
        missing = [key for key in keys if not self._consent.has(key)] or keys
        tiers = [key for key in self._consent.missing if key.startswith("tier:")]
        return self._refuse(missing[0], self._ungranted(), *tiers)

    # -- python ----------------------------------------------------------------------

    def _run_python(self, arguments: Mapping[str, Data]) -> Data:
        self._look()
        wanted: PythonRequest = request(PythonRequest, arguments)
        if not self._plan.workers:
            asked = any(right.key == "workers" for right in self._consent.asked)
            why = self._ungranted() if asked else "the manifest does not ask for it"
            raise self._refuse("workers", why)
        self._audit("run_python", right="workers", detail=wanted.entry)
        wall = max(min(wanted.wall_seconds, self._seconds_left()), 0.05)
        most = Limits.for_tier(Tier.READ_ONLY).tightened(self._plan.owner_limits)
        limits = most.tightened(
            {
                "cpu_seconds": max(wanted.cpu_seconds, 0.05),
                "wall_seconds": wall,
                "memory_bytes": max(wanted.memory_bytes, 1),
            }
        )
        policy = Policy.for_tier(Tier.READ_ONLY, limits=limits)
        return to_data(self._python(policy, wanted))

    def _python(self, policy: Policy, request: PythonRequest) -> PythonRun:
        started = time.monotonic()
        posture: Document = {}
        try:
            worker = self._sandbox().worker(
                policy,
                target="lockgate._guest.python:serve",
                path=(lockgate_folder(),),
                name=f"{self._identity.plugin}-python",
                lazy=True,
            )
            self._running = worker
            if self._stop.is_set():  # while it was started: nobody else ends it
                worker.kill()
            try:
                posture = cast(Document, worker.posture.to_dict())
                reply = worker.call(
                    "run",
                    cast("Mapping[str, WireData]", _run_arguments(request)),
                    timeout=policy.limits.wall_seconds,
                )
            finally:
                self._running = None
                worker.close()
        except SandboxError as error:
            return PythonRun(
                value=None,
                output=error.traceback if isinstance(error, RemoteError) else "",
                error=error.code,
                message=str(error),
                seconds=time.monotonic() - started,
                posture=posture,
            )
        seconds = time.monotonic() - started
        return PythonRun(
            reply.value, output=reply.output, seconds=seconds, posture=posture
        )

    # -- the record --------------------------------------------------------------------

    def _seconds_left(self) -> float:
        return max(self._deadline - time.monotonic(), 0.05)

    def _refuse(self, key: str, why: str, *more: str) -> BrokerRefusedError:
        plugin = self._identity.plugin
        asked = any(right.key == key for right in self._consent.asked)
        grant = grant_command(plugin, key, *more) if asked else ""
        message = f"{plugin} may not use {key}: {why}" if asked else why
        self._keep(key, message, grant)
        self._audit("refuse", right=key, detail=message, grant=grant, allowed=False)
        return BrokerRefusedError(
            message, hint=f"To allow it: {grant}" if grant else ""
        )

    def _keep(self, right: str, message: str, grant: str) -> None:
        """Keep a denial for the call's answer; however many a worker asks for."""
        denial: Document = {
            "right": right,
            "message": message,
            "grant": grant,
            "by": "broker",
        }
        # The last one stays: it may be what the call ends by.
        self._denials[DENIALS_LIMIT - 1 :] = [denial]

    def _note(self, record: ServiceRecord) -> None:
        """A decision of the sandbox's broker, from whatever thread."""
        right = f"{record.right}:{record.resource}"
        detail = record.reason or f"{record.bytes} bytes"
        if record.decision == "deny":
            plugin, told = self._identity.plugin, record.reason
            message = f"{plugin} may not use {right}: {told}"
            self._keep(right, message, record.grant)
        action = {"deny": "refuse", "end": "end"}.get(record.decision, "broker")
        self._audit(
            action,
            right=right,
            detail=detail,
            grant=record.grant if record.decision == "deny" else "",
            allowed=record.decision != "deny",
        )

    def _audit(
        self,
        action: str,
        *,
        right: str,
        detail: str,
        grant: str = "",
        allowed: bool = True,
    ) -> None:
        record = AuditRecord(
            action=action,
            plugin=self._identity.plugin,
            version=self._identity.version,
            allowed=allowed,
            hook=self._hook,
            right=right,
            detail=detail,
            grant=grant,
            trace=self._trace,
        )
        self._observer.audit(record)


def _run_arguments(request: PythonRequest) -> Mapping[str, Data]:
    return {
        "tree": to_data(request.tree),
        "entry": request.entry,
        "arguments": to_data(request.arguments),
    }
