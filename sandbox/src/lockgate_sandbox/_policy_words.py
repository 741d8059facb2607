"""A policy in words: what it allows, and how it differs from another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Protocol

from lockgate_sandbox.grants import Device, HostGrant, PathGrant, Quota
from lockgate_sandbox.tiers import Limits, Tier

__all__ = ["Subject", "describe", "differences"]


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
    if policy.tier.may_write:
        lines.append(f"scratch: {_size(limits.disk_bytes)}, {limits.inodes} files")
    else:
        lines.append("scratch: none, nothing can be written")
    lines += [text for _, _, text in _rights(policy)]
    if policy.hosts:
        lines.append(f"all hosts together: {_size(policy.total.bytes)}")
    return "\n".join(lines)


def _rights(policy: Subject) -> list[tuple[str, object, str]]:
    """Each right: what it is about, its value, its words."""
    found: list[tuple[str, object, str]] = []
    found += [(f"read {path}", 1, f"may read {path}") for path in policy.read]
    found += [(f"write {path}", 1, f"may write {path}") for path in policy.write]
    for item in policy.programs:
        found.append((f"run {item.name}", item, f"may run {item.name} ({item.path})"))
    for item in policy.tools:
        words = f"may have the host run {item.name} ({item.path})"
        found.append((f"tool {item.name}", item, words))
    for host in policy.hosts:
        key = f"reach {host.origin}{' '.join(host.paths)}{' '.join(host.methods)}"
        found.append((key, host, f"may reach {host.describe()}"))
    for path in policy.files:
        words = f"may have the host open: {path.describe()}"
        found.append((f"open {path.path}", path, words))
    for device in policy.devices:
        words = f"may use the device {device.describe()}"
        found.append((f"device {device.name}", device, words))
    found += [
        (f"secret {name}", 1, f"may know the secret {name}") for name in policy.secrets
    ]
    found += [
        (f"env {name}", value, f"environment: {name}") for name, value in policy.env
    ]
    return found


def differences(old: Subject, new: Subject) -> tuple[str, ...]:
    """What `new` allows more or less than `old`, one line each."""
    lines: list[str] = []
    if old.tier != new.tier:
        way = "up" if Tier(new.tier) > old.tier else "down"
        lines.append(f"tier goes {way} from {old.tier} to {new.tier}")
    before, after = asdict(old.limits), asdict(new.limits)
    for name, value in after.items():
        if before[name] != value:
            way = "rises" if value > before[name] else "falls"
            lines.append(f"{_noun(name)} {way} from {before[name]:g} to {value:g}")
    if old.total != new.total:
        lines.append("what all hosts may use together changes")
    had = {key: (value, words) for key, value, words in _rights(old)}
    has = {key: (value, words) for key, value, words in _rights(new)}
    lines += [f"gained: {words}" for key, (_, words) in has.items() if key not in had]
    lines += [f"lost: {words}" for key, (_, words) in had.items() if key not in has]
    for key, (value, words) in has.items():
        if key in had and had[key][0] != value:
            # The value of a variable may be private.
            was = f" (was: {had[key][1]})" if had[key][1] != words else ""
            lines.append(f"changed: {words}{was}")
    return tuple(lines)


def _noun(limit: str) -> str:
    return f"limit {limit.replace('_', ' ')}"


def _size(count: int) -> str:
    """`count` bytes in MiB where that is exact enough for a person."""
    mib = count / (1024 * 1024)
    return f"{mib:g} MiB" if mib >= 1 else f"{count} B"
