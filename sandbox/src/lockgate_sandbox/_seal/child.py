"""What the steps of one seal know of each other, and what helps where one fails."""

from __future__ import annotations

import os

from lockgate_sandbox.linux import cgroup, namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate_sandbox._seal.sealplan import SealPlan

__all__ = ["REMEDIES", "Child"]

_PROFILE = "a container or service profile that permits {}, which every kernel has"

REMEDIES = {
    "landlock": (
        "a kernel from 5.13 with Landlock among its security modules (boot option "
        "lsm=landlock,...), and a container profile that permits landlock_*"
    ),
    "seccomp": "a kernel with CONFIG_SECCOMP_FILTER on x86-64 or aarch64",
    "fds": "a kernel from 5.9, and a container or service profile that permits "
    "close_range",
    "session": _PROFILE.format("setsid"),
    "capabilities": _PROFILE.format("capset, prctl and setgroups"),
    "no-new-privs": _PROFILE.format("prctl"),
    "rlimits": _PROFILE.format("prlimit64"),
    "uid": (
        "let other users enter the interpreter's and the plugins' folders "
        "(chmod o+x on their parents), or run as an ordinary user"
    ),
    "process-limit": cgroup.REMEDY,
    "cgroup": cgroup.REMEDY,
    "scratch": namespaces.REMEDY,
    "user-namespace": namespaces.REMEDY,
    "mount-namespace": namespaces.REMEDY,
}


class Child:
    """What the steps of one seal know of each other."""

    def __init__(
        self,
        plan: SealPlan,
        keep: Sequence[int],
        ruleset: int,
        warden: int,
        left: list[int] | None,
        files_later: bool,
    ) -> None:
        self.plan = plan
        self.files_later = files_later
        self.keep = [*keep, *namespaces.hidden_descriptors()]
        if ruleset >= 0:
            self.keep.append(ruleset)
        if warden >= 0:
            self.keep.append(warden)
        self.ruleset = ruleset
        self.left = left
        self.warden = warden
        self.uid = os.geteuid()
        self.own_uid = False
        self.bounded = False
        self.counted_apart = False
        self.in_group = False
        self.unsized = ""
        self.asks_for_files = False
        self.trees: list[tuple[int, str]] = []
        self.abi = 0

    def wants(self, layer: str) -> bool:
        """Whether `layer` is not switched off."""
        return self.plan.modes.get(layer) != "off"
