"""A policy in a few lines for a person."""

from __future__ import annotations

from typing import Any, Protocol

from lockgate_sandbox.grants import Device, HostGrant, PathGrant, Quota
from lockgate_sandbox.tiers import Limits, Tier

__all__ = ["Subject", "describe"]


class Subject(Protocol):
    """What is put in words: a `Policy`, which itself imports this module."""

    @property
    def tier(self) -> Tier: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def read(self) -> tuple[str, ...]: ...
    @property
    def write(self) -> tuple[str, ...]: ...
    @property
    def programs(self) -> tuple[Any, ...]: ...
    @property
    def tools(self) -> tuple[Any, ...]: ...
    @property
    def env(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def hosts(self) -> tuple[HostGrant, ...]: ...
    @property
    def total(self) -> Quota: ...
    @property
    def files(self) -> tuple[PathGrant, ...]: ...
    @property
    def devices(self) -> tuple[Device, ...]: ...
    @property
    def secrets(self) -> tuple[str, ...]: ...
    @property
    def may_fork(self) -> bool: ...


def describe(policy: Subject) -> str:
    """The policy in a few lines for a person."""
    limits = policy.limits
    counted = "processes" if policy.may_fork else "threads"
    lines = [f"tier {policy.tier}"]
    lines.append(
        f"limits: {limits.cpu_seconds:g} s CPU, {limits.wall_seconds:g} s a call, "
        f"{_size(limits.memory_bytes)} memory, {limits.processes} {counted}, "
        f"{limits.open_files} open files"
    )
    if limits.cpu_share is not None:
        lines.append(f"CPU share: {limits.cpu_share:g} of a core")
    if limits.gpu_memory_bytes is not None:
        lines.append(f"GPU memory: {_size(limits.gpu_memory_bytes)}")
    if policy.tier.may_write:
        lines.append(f"scratch: {_size(limits.disk_bytes)}, {limits.inodes} files")
    else:
        lines.append("scratch: none, nothing can be written")
    lines += _rights(policy)
    if policy.hosts:
        lines.append(f"all hosts together: {_size(policy.total.bytes)}")
    return "\n".join(lines)


def _rights(policy: Subject) -> list[str]:
    """Each right in words; of variables and secrets the names only."""
    return [
        *(f"may read {path}" for path in policy.read),
        *(f"may write {path}" for path in policy.write),
        *(f"may run {item.name} ({item.path})" for item in policy.programs),
        *(f"may have the host run {item.name} ({item.path})" for item in policy.tools),
        *(f"may reach {host.describe()}" for host in policy.hosts),
        *(f"may have the host open: {path.describe()}" for path in policy.files),
        *(f"may use the device {device.describe()}" for device in policy.devices),
        *(f"may know the secret {name}" for name in policy.secrets),
        *(f"environment: {name}" for name, _ in policy.env),
    ]


def _size(count: int) -> str:
    """`count` bytes in MiB where that is exact enough for a person."""
    mib = count / (1024 * 1024)
    return f"{mib:g} MiB" if mib >= 1 else f"{count} B"
