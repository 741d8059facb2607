"""What one child stands on: policy, settings, scratch folder, control group."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import msgpack

from lockgate_sandbox._seal.enforce import open_ruleset
from lockgate_sandbox.policy import Policy

if TYPE_CHECKING:
    from lockgate_sandbox._line.verdicts import Verdicts
    from lockgate_sandbox._seal.sealplan import SealPlan
    from lockgate_sandbox.linux.cgroup import Group

__all__ = ["Ground", "SettingsFile"]

_PATH = "/usr/bin:/bin"


class SettingsFile:
    """What a child needs before its job, in a memory file that it reads.

    One that is `shared` by many children comes with a Landlock ruleset, whose making
    is two fifths of a seal. It names files as they were: `is_current` says whether
    the paths still lead to the same ones. The descriptors are closed with this
    object, or by `close`.
    """

    def __init__(
        self, policy: Policy, plan: SealPlan, scratch: str | None, *, shared: bool
    ) -> None:
        self.plan = plan
        self.env = _environment(policy, scratch)
        self.shared = shared
        self._fds = [os.memfd_create("settings", os.MFD_CLOEXEC)]
        self.close = weakref.finalize(self, _close, self._fds)
        # What was granted may hold links of its owner, who may change them.
        spelled = (*policy.read, *policy.write, *plan.path)
        self._watched = tuple(dict.fromkeys([*(p for p, _ in plan.rules), *spelled]))
        self._files = self._identities() if shared else []
        # A worker may have a /proc of its own: then ours has other files.
        proc = any(path == "/proc" or path[:6] == "/proc/" for path, _ in plan.rules)
        settings = {
            "plan": plan.to_data(),
            "env": self.env,
            "cwd": scratch or "/",
            "scratch": scratch,
            "limit": policy.limits.message_bytes,
        }
        with open(self._fds[0], "wb", buffering=0, closefd=False) as file:
            file.write(msgpack.encode(settings))
        if shared and plan.abi and plan.modes.get("landlock") != "off" and not proc:
            # If that fails the child tries, and tells what is wrong.
            with suppress(OSError):
                self._fds.append(open_ruleset(plan))

    def descriptors(self) -> list[int]:
        """The memory file, and the ruleset if there is one."""
        return list(self._fds)

    def is_current(self) -> bool:
        """Whether the paths of the plan are the files that its ruleset was made of."""
        return not self.shared or self._identities() == self._files

    def _identities(self) -> list[tuple[int, int, int, int] | None]:
        found: list[tuple[int, int, int, int] | None] = []
        for path in self._watched:
            try:
                info = os.stat(path)  # noqa: PTH116 - for every start
            except OSError:
                found.append(None)
            else:
                found.append((info.st_dev, info.st_ino, info.st_mode, info.st_uid))
        return found


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


def _environment(policy: Policy, scratch: str | None) -> dict[str, str]:
    home = scratch or "/"
    env = {"HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": _PATH}
    if scratch:
        env["TMPDIR"] = scratch
    return {**env, **dict(policy.env)}


@dataclass(frozen=True, slots=True)
class Ground:
    """What one child stands on; `verdicts` are what its keeper tells."""

    policy: Policy
    file: SettingsFile
    scratch: str | None
    group: Group | None
    verdicts: Verdicts

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
