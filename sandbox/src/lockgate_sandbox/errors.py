"""Everything that this distribution raises on purpose.

::

    SandboxError                  code, hint
    ├── PlatformError             platform-unsupported (platform, machine)
    ├── LayerMissingError         layer-missing       (layer, detail)
    ├── StartError                start-failed        (stage, detail)
    ├── WorkerDiedError           worker-died         (status, signal)
    ├── LimitError                limit               (limit, used, unit, claimed)
    │   ├── CpuLimitError         cpu-limit
    │   ├── WallLimitError        wall-limit
    │   ├── MemoryLimitError      memory-limit
    │   ├── ProcessLimitError     process-limit
    │   ├── DescriptorLimitError  descriptor-limit
    │   ├── FileSizeLimitError    file-size-limit
    │   ├── DiskLimitError        disk-limit
    │   ├── InodeLimitError       inode-limit
    │   ├── OutputLimitError      output-limit
    │   ├── MessageLimitError     message-limit
    │   ├── DepthLimitError       depth-limit
    │   └── StreamLimitError      stream-limit
    ├── ProtocolError             protocol-error      (reason)
    ├── RemoteError               remote-error        (type, message, traceback,
    │                                                  details)
    ├── ClosedError               closed
    ├── CancelledError            cancelled
    ├── PoolBusyError             pool-busy           (limit; also a TimeoutError)
    ├── HostDescriptorsError      host-descriptors    (limit, used, need, kept, hard)
    └── PolicyError               policy-invalid      (also a ValueError)

An error keeps its fields; `str()` renders them. `code` is stable and kebab-case, `hint`
says the way out and may be empty; where nobody catches it the traceback ends with it.
"""

from __future__ import annotations

from signal import Signals
from typing import ClassVar, TypeAlias

__all__ = [
    "CancelledError",
    "ClosedError",
    "CpuLimitError",
    "Data",
    "DepthLimitError",
    "DescriptorLimitError",
    "DiskLimitError",
    "FileSizeLimitError",
    "HostDescriptorsError",
    "InodeLimitError",
    "LayerMissingError",
    "LimitError",
    "MemoryLimitError",
    "MessageLimitError",
    "OutputLimitError",
    "PlatformError",
    "PolicyError",
    "PoolBusyError",
    "ProcessLimitError",
    "ProtocolError",
    "RemoteError",
    "SandboxError",
    "StartError",
    "StreamLimitError",
    "WallLimitError",
    "WorkerDiedError",
]

Data: TypeAlias = (
    "bool | int | float | str | bytes | list[Data] | dict[str, Data] | None"
)
"""What may cross the boundary, as it arrives."""


class SandboxError(Exception):
    """The root: anything the sandbox reports."""

    code: ClassVar[str] = "sandbox-error"
    output: str = ""
    """What a call that failed had printed, in its own words."""
    suspects: tuple[str, ...] = ()
    """Limits, as `Limits` names them, that may be behind it; the hint says why."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # where nobody catches it (PEP 678)


class PlatformError(SandboxError):
    """This system has no way to confine code, so nothing untrusted is started.

    `platform` is as in `sys.platform`, `machine` as in ``uname -m`` or empty;
    `reasons` says of each backend why it refuses.
    """

    code = "platform-unsupported"

    def __init__(
        self, platform: str, machine: str, *, reasons: str = "", hint: str = ""
    ) -> None:
        system = _SYSTEMS.get(platform, platform)
        where = f"{system} on {machine}" if machine else system
        why = reasons or "the kernel layers are those of Linux on x86-64 and aarch64"
        super().__init__(f"nothing untrusted runs on {where}: {why}", hint=hint)
        self.platform = platform
        self.machine = machine
        self.reasons = reasons


_SYSTEMS = {"darwin": "macOS", "linux": "Linux", "win32": "Windows"}


class LayerMissingError(SandboxError):
    """A layer that the policy holds strict can't be had here."""

    code = "layer-missing"

    def __init__(self, layer: str, detail: str, *, hint: str = "") -> None:
        super().__init__(f"the layer '{layer}' is missing: {detail}", hint=hint)
        self.layer = layer
        self.detail = detail


class StartError(SandboxError):
    """A worker or program could not be started; the sandbox itself goes on.

    `stage` says where: ``scratch`` (no temporary folder), ``keeper``, ``zygote``,
    ``fork``, ``seal``, ``import`` (the target's module), ``target`` (the call of the
    target) or ``exec``.
    """

    code = "start-failed"

    def __init__(
        self, stage: str, detail: str, *, traceback: str = "", hint: str = ""
    ) -> None:
        super().__init__(f"start failed at '{stage}': {detail}", hint=hint)
        self.stage = stage
        self.detail = detail
        self.traceback = traceback


class WorkerDiedError(SandboxError):
    """The worker ended by itself or by a foreign hand, not for a limit.

    `status` is its exit status, or None if a signal ended it or nobody could
    learn it; `signal` is the number of that signal, or None.
    """

    code = "worker-died"

    def __init__(
        self, status: int | None, signal: int | None, *, hint: str = ""
    ) -> None:
        super().__init__(f"the worker died: {_how(status, signal)}", hint=hint)
        self.status = status
        self.signal = signal


class LimitError(SandboxError):
    """A limit of the policy was reached.

    `limit` and `used` are in `unit`; `used` is what was seen when the limit was
    noticed and may lie above it. `claimed` says that only the worker's own word
    stands for it: the kernel refused something inside, and the exception that
    came of it was not handled. Such an error fails one call, the worker lives
    on, and its `__cause__` is the `RemoteError` that it would have been.
    """

    code = "limit"
    noun: ClassVar[str] = "limit"
    remedy: ClassVar[str] = "a larger limit must come with the policy"

    def __init__(
        self,
        limit: float,
        used: float,
        unit: str,
        *,
        hint: str = "",
        claimed: bool = False,
    ) -> None:
        reached = "reached, the worker says" if claimed else "reached"
        super().__init__(
            f"{self.noun} {reached}: {_number(used)} of {_number(limit)} {unit}",
            hint=hint or self.remedy,
        )
        self.limit = limit
        self.used = used
        self.unit = unit
        self.claimed = claimed


class CpuLimitError(LimitError):
    """The process tree used up its CPU seconds."""

    code = "cpu-limit"
    noun = "CPU limit"
    remedy = "a policy with more `cpu_seconds`, or a new worker: they count per worker"


class WallLimitError(LimitError):
    """The deadline of a call passed; the worker was killed."""

    code = "wall-limit"
    noun = "wall-clock limit"
    remedy = "a policy with more `wall_seconds`, or a longer `timeout` of the call"


class MemoryLimitError(LimitError):
    """The process tree used up its memory, shared memory included."""

    code = "memory-limit"
    noun = "memory limit"
    remedy = "a policy with more `memory_bytes`, or less data at a time"


class ProcessLimitError(LimitError):
    """The tree has more processes and threads than it may."""

    code = "process-limit"
    noun = "process limit"
    remedy = "a policy with more `processes` (threads count), or a smaller pool"


class DescriptorLimitError(LimitError):
    """A process has as many open files as it may, pipes and sockets included."""

    code = "descriptor-limit"
    noun = "limit of open files"
    remedy = "a policy with more `open_files`, or files that are closed after use"


class FileSizeLimitError(LimitError):
    """One file is as large as a file may get; memory files count."""

    code = "file-size-limit"
    noun = "file size limit"
    remedy = "a policy with more `file_bytes` and `disk_bytes`, or several files"


class DiskLimitError(LimitError):
    """The scratch folder holds more bytes than it may."""

    code = "disk-limit"
    noun = "disk limit"
    remedy = "a policy with more `disk_bytes`, or files that are removed after use"


class InodeLimitError(LimitError):
    """The scratch folder holds more files, folders and links than it may."""

    code = "inode-limit"
    noun = "limit of files and folders"
    remedy = "a policy with more `inodes`, or fewer and larger files"


class OutputLimitError(LimitError):
    """More standard output was written than may be kept."""

    code = "output-limit"
    noun = "output limit"
    remedy = "a policy with more `output_bytes`, or results that are returned"


class MessageLimitError(LimitError):
    """A message is larger or has more nodes than may cross."""

    code = "message-limit"
    noun = "message limit"
    remedy = "several smaller messages, or a policy with more `message_bytes`"


class DepthLimitError(LimitError):
    """A message is nested deeper than may cross."""

    code = "depth-limit"
    noun = "limit of nesting"
    remedy = "flatter data: the depth is the protocol's, no policy changes it"


class StreamLimitError(LimitError):
    """A stream was sent more than its receiver had given credit for."""

    code = "stream-limit"
    noun = "stream limit"
    remedy = "a sender that waits for credit before it goes on"


class ProtocolError(SandboxError):
    """The worker broke the protocol; it was killed."""

    code = "protocol-error"

    def __init__(self, reason: str, *, hint: str = "") -> None:
        super().__init__(f"the worker broke the protocol: {reason}", hint=hint)
        self.reason = reason


class RemoteError(SandboxError):
    """Code in the worker raised; the worker lives on.

    `type` is the qualified name of the exception's class, `traceback` its text;
    both are the worker's words and prove nothing. `hint` says what would allow what
    those words say was refused: grant it if you want to, not because it is said.
    Its ``__cause__`` is what a callback of the host raised, if these are its words.
    """

    code = "remote-error"

    def __init__(
        self,
        type: str,  # noqa: A002 - the field's name is part of the contract
        message: str,
        traceback: str = "",
        details: Data = None,
        *,
        hint: str = "",
    ) -> None:
        super().__init__(f"{type}: {message}" if message else type, hint=hint)
        self.type = type
        self.message = message
        self.traceback = traceback
        self.details = details


class ClosedError(SandboxError):
    """The sandbox or worker was closed before."""

    code = "closed"


class CancelledError(SandboxError):
    """The caller cancelled the call or stream itself; the worker lives on."""

    code = "cancelled"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was cancelled by its caller")


class PoolBusyError(SandboxError, TimeoutError):
    """All workers of a pool were in use for as long as the caller would wait.

    `limit` is how many the pool may have.
    """

    code = "pool-busy"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"all {limit} workers of the pool are in use",
            hint="wait longer, or give the pool a larger limit",
        )
        self.limit = limit


class HostDescriptorsError(SandboxError):
    """The host may open too few files for what a worker, or its start, asks of it.

    `need` more than the `used` ones would leave fewer than `kept` of its `limit`;
    `hard` is how far it may raise that itself. Nothing was opened, and whatever runs
    goes on.
    """

    code = "host-descriptors"

    def __init__(
        self, what: str, *, limit: int, used: int, need: int, kept: int, hard: int
    ) -> None:
        way = "start the host with a higher limit (ulimit -n; LimitNOFILE= in a unit)"
        if hard > limit:
            way = f"lockgate_sandbox.raise_open_files() in the host, up to {hard:,}"
        super().__init__(
            f"{what} needs {need} descriptors, the host has {used:,} of {limit:,} "
            f"in use and keeps {kept} back",
            hint=f"close some workers, or let it open more files: {way}",
        )
        self.limit, self.used, self.need = limit, used, need
        self.kept, self.hard = kept, hard


class PolicyError(SandboxError, ValueError):
    """A policy or an argument to the sandbox makes no sense."""

    code = "policy-invalid"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _how(status: int | None, signal: int | None) -> str:
    if signal is not None:
        try:
            return f"signal {signal} ({Signals(signal).name})"
        except ValueError:
            return f"signal {signal}"
    return "cause unknown" if status is None else f"exit status {status}"
