"""Run Python that you did not write under a kernel-enforced policy.

Everything public is here; a name is imported when it is first used, so that
``import lockgate_sandbox`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate_sandbox._seal.plan import Capabilities, probe
    from lockgate_sandbox.aio import AsyncStream, AsyncWorker
    from lockgate_sandbox.callbacks import Passed
    from lockgate_sandbox.data import Given
    from lockgate_sandbox.errors import (
        CancelledError,
        ClosedError,
        CpuLimitError,
        Data,
        DepthLimitError,
        DescriptorLimitError,
        DiskLimitError,
        FileSizeLimitError,
        HostDescriptorsError,
        InodeLimitError,
        LayerMissingError,
        LimitError,
        MemoryLimitError,
        MessageLimitError,
        OutputLimitError,
        PlatformError,
        PolicyError,
        PoolBusyError,
        ProcessLimitError,
        ProtocolError,
        RemoteError,
        SandboxError,
        StartError,
        StreamLimitError,
        WallLimitError,
        WorkerDiedError,
    )
    from lockgate_sandbox.grant_text import parse_host_grant
    from lockgate_sandbox.grants import (
        Credential,
        Device,
        HostGrant,
        PathGrant,
        Quota,
    )
    from lockgate_sandbox.interpreter import Interpreter, run_python
    from lockgate_sandbox.linux.rlimits import raise_open_files
    from lockgate_sandbox.policy import Policy, Program
    from lockgate_sandbox.pool import WorkerPool
    from lockgate_sandbox.posture import LayerState, Posture
    from lockgate_sandbox.replies import Reply, Usage
    from lockgate_sandbox.results import (
        Denial,
        ProgramResult,
        PythonResult,
        RunResult,
    )
    from lockgate_sandbox.sandbox import Sandbox
    from lockgate_sandbox.streams import Pending, Stream
    from lockgate_sandbox.tiers import Limits, Tier
    from lockgate_sandbox.worker import Worker

__all__ = [
    "AsyncStream",
    "AsyncWorker",
    "CancelledError",
    "Capabilities",
    "ClosedError",
    "CpuLimitError",
    "Credential",
    "Data",
    "Denial",
    "DepthLimitError",
    "DescriptorLimitError",
    "Device",
    "DiskLimitError",
    "FileSizeLimitError",
    "Given",
    "HostDescriptorsError",
    "HostGrant",
    "InodeLimitError",
    "Interpreter",
    "LayerMissingError",
    "LayerState",
    "LimitError",
    "Limits",
    "MemoryLimitError",
    "MessageLimitError",
    "OutputLimitError",
    "Passed",
    "PathGrant",
    "Pending",
    "PlatformError",
    "Policy",
    "PolicyError",
    "PoolBusyError",
    "Posture",
    "ProcessLimitError",
    "Program",
    "ProgramResult",
    "ProtocolError",
    "PythonResult",
    "Quota",
    "RemoteError",
    "Reply",
    "RunResult",
    "Sandbox",
    "SandboxError",
    "StartError",
    "Stream",
    "StreamLimitError",
    "Tier",
    "Usage",
    "WallLimitError",
    "Worker",
    "WorkerDiedError",
    "WorkerPool",
    "parse_host_grant",
    "probe",
    "raise_open_files",
    "run_python",
]

_HOMES = {
    "_seal.plan": ("Capabilities", "probe"),
    "aio": ("AsyncStream", "AsyncWorker"),
    "callbacks": ("Passed",),
    "data": ("Given",),
    "linux.rlimits": ("raise_open_files",),
    "interpreter": ("Interpreter", "run_python"),
    "grant_text": ("parse_host_grant",),
    "grants": ("Credential", "Device", "HostGrant", "PathGrant", "Quota"),
    "pool": ("WorkerPool",),
    "policy": ("Policy", "Program"),
    "posture": ("LayerState", "Posture"),
    "results": ("Denial", "ProgramResult", "PythonResult", "RunResult"),
    "sandbox": ("Sandbox",),
    "streams": ("Pending", "Stream"),
    "tiers": ("Limits", "Tier"),
    "replies": ("Reply", "Usage"),
    "worker": ("Worker",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

_KERNEL_HOMES = frozenset(
    {"_seal.plan", "aio", "linux.rlimits", "pool", "sandbox", "streams", "worker"}
)
"""Modules that can't even be imported where the kernel's layers are not."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = _HOME_OF.get(name, "errors")
    if home in _KERNEL_HOMES:
        from lockgate_sandbox import _platform

        if _platform.refusal() is not None:
            return _platform.stand_in(name)
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
