"""What one child stands on: policy, settings, scratch folder, control group."""

from __future__ import annotations

import itertools
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import msgpack

from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox._sealplan import SealPlan
    from lockgate_sandbox.linux.cgroup import Group

__all__ = ["Ground", "SettingsFile"]

_PATH = "/usr/bin:/bin"

_numbers = itertools.count(1)


class SettingsFile:
    """What a child needs before its job, in a memory file (`_shelf` reads it).

    `shared` ones have a number, under which a zygote remembers them. The
    descriptor is closed with this object, or by `close`.
    """

    def __init__(
        self, policy: Policy, plan: SealPlan, scratch: str | None, *, shared: bool
    ) -> None:
        self.plan = plan
        self.env = _environment(policy, scratch)
        self.number = next(_numbers) if shared else 0
        self.fd = os.memfd_create("settings", os.MFD_CLOEXEC)
        self.close = weakref.finalize(self, os.close, self.fd)
        settings = {
            "plan": plan.to_data(),
            "env": self.env,
            "cwd": scratch or "/",
            "scratch": scratch,
            "limit": policy.limits.message_bytes,
        }
        with open(self.fd, "wb", buffering=0, closefd=False) as file:
            file.write(msgpack.encode(settings))


def _environment(policy: Policy, scratch: str | None) -> dict[str, str]:
    home = scratch or "/"
    env = {"HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": _PATH}
    if scratch:
        env["TMPDIR"] = scratch
    return {**env, **dict(policy.env)}


@dataclass(frozen=True, slots=True)
class Ground:
    """What one child stands on."""

    policy: Policy
    file: SettingsFile
    scratch: str | None
    group: Group | None

    @property
    def plan(self) -> SealPlan:
        """What the child is sealed by."""
        return self.file.plan

    def readable(self) -> list[str]:
        """What may be read, for explaining denials; the kernel's word counts."""
        return [path for path, _ in self.plan.rules]

    def writable(self) -> list[str]:
        """What may be written, likewise."""
        own = [self.scratch] if self.scratch else []
        return [*self.policy.write, *own, os.devnull]

    def refused_processes(self) -> int:
        """How many starts the group refused; 0 without a group."""
        return self.group.refused_processes() if self.group else 0

    def memory_kills(self) -> int:
        """How often the kernel killed for the group's memory; 0 without a group."""
        return self.group.memory_kills() if self.group else 0
