"""Run a command as a poorer machine would: calls refused, no capabilities, a uid.

Executed, never imported by tests (they use `command`)::

    python confine.py '{"refuse": {"landlock_restrict_self": "ENOSYS"}}' ARGV...

The refusals are one seccomp program of our own making, put in place before the
command starts, as a container's runtime does it. Everything below sees a kernel
that answers so.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence

from lockgate_sandbox.bpf.compile import Condition, Filter, Rule, compile_filter
from lockgate_sandbox.bpf.compile import error_action as refusal
from lockgate_sandbox.linux import _syscalls, credentials, seccomp
from lockgate_sandbox.linux._libc import ARCH, AUDIT_ARCH, NUMBERS, syscall

__all__ = ["CONTAINER", "NO_LANDLOCK", "NO_SECCOMP", "command"]

NO_LANDLOCK = {
    "landlock_create_ruleset": "ENOSYS",
    "landlock_add_rule": "ENOSYS",
    "landlock_restrict_self": "ENOSYS",
}
"""A kernel without Landlock."""

NO_SECCOMP = {"seccomp": "EINVAL"}
"""A kernel without filters (and prctl's older way to one is closed too)."""

CONTAINER = {
    **dict.fromkeys(
        (
            "unshare",
            "setns",
            "mount",
            "umount2",
            "pivot_root",
            "open_tree",
            "move_mount",
            "fsopen",
            "fsmount",
            "fsconfig",
            "mount_setattr",
            "bpf",
            "keyctl",
            "add_key",
            "ptrace",
            "process_vm_readv",
        ),
        "EPERM",
    ),
    "clone3": "ENOSYS",
}
"""What a container runtime's usual profile refuses: no namespaces, no mounts."""

_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag but NEWTIME
_PR_SET_SECCOMP = 22
_MS_PRIVATE_REC = 0x44000
_CLONE_NEWNS = 0x00020000
_MS_RDONLY = 1


def command(
    argv: Sequence[str],
    *,
    refuse: Mapping[str, str],
    capabilities: bool = True,
    cgroups: bool = True,
    uid: int = -1,
) -> list[str]:
    """The command line that runs `argv` on that poorer machine.

    `refuse` gives calls and the errno that they answer. Without `capabilities`
    the command has none, also as root; without `cgroups` root sees a read-only
    tree of control groups. `uid` is taken before the command starts (root only).
    """
    asked = {
        "refuse": dict(refuse),
        "capabilities": capabilities,
        "cgroups": cgroups,
        "uid": uid,
    }
    return [sys.executable, __file__, json.dumps(asked), *argv]


def _program(refuse: Mapping[str, str]) -> bytes:
    rules: dict[int, list[Rule]] = {}
    for name, code in refuse.items():
        rules[NUMBERS[name]] = [Rule(refusal(getattr(errno, code)))]
    if "unshare" in refuse:
        flags = Condition(0, "any-bits", _NAMESPACES)
        rules[NUMBERS["clone"]] = [Rule(refusal(errno.EPERM), (flags,))]
    if "seccomp" in refuse:
        option = Condition(0, "eq", _PR_SET_SECCOMP)
        rules[NUMBERS["prctl"]] = [Rule(refusal(errno.EINVAL), (option,))]
    judged = Filter(AUDIT_ARCH[ARCH], _syscalls.NEWEST, rules)
    return compile_filter(judged).code


def _hide_cgroups() -> None:
    syscall("unshare", _CLONE_NEWNS)
    syscall("mount", b"none", b"/", 0, _MS_PRIVATE_REC, 0)
    syscall("mount", b"none", b"/sys/fs/cgroup", b"tmpfs", _MS_RDONLY, 0)


def _main() -> None:
    asked = json.loads(sys.argv[1])
    code = _program(asked["refuse"])
    if not asked["cgroups"] and credentials.has_capability(credentials.CAP_SYS_ADMIN):
        _hide_cgroups()
    if asked["uid"] >= 0:
        credentials.become(asked["uid"])
    if not asked["capabilities"]:
        credentials.drop_bounding_set()
        credentials.drop_capabilities()
    seccomp.install(code)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    _main()
