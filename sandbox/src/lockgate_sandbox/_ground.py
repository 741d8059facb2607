"""What one child stands on: its policy, plan, scratch folder and control group."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox._sealplan import SealPlan
    from lockgate_sandbox.linux.cgroup import Group

__all__ = ["Ground"]

_PATH = "/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Ground:
    """What one child stands on."""

    policy: Policy
    plan: SealPlan
    scratch: str | None
    group: Group | None

    def readable(self) -> list[str]:
        """What may be read, for explaining denials; the kernel's word counts."""
        return [path for path, _ in self.plan.rules]

    def writable(self) -> list[str]:
        """What may be written, likewise."""
        own = [self.scratch] if self.scratch else []
        return [*self.policy.write, *own, os.devnull]

    def job(self) -> dict[str, Any]:
        """The part of a job that every kind has."""
        home = self.scratch or "/"
        env = {"HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": _PATH}
        if self.scratch:
            env["TMPDIR"] = self.scratch
        return {
            "plan": self.plan.to_data(),
            "env": {**env, **dict(self.policy.env)},
            "cwd": home,
            "scratch": self.scratch,
            "limit": self.policy.limits.message_bytes,
        }

    def refused_processes(self) -> int:
        """How many starts the group refused; 0 without a group."""
        return self.group.refused_processes() if self.group else 0

    def memory_kills(self) -> int:
        """How often the kernel killed for the group's memory; 0 without a group."""
        return self.group.memory_kills() if self.group else 0
