"""Run a command as a poorer machine would: calls refused, no capabilities, a uid.

Executed, never imported by tests (they use `command`)::

    python confine.py '{"refuse": {"landlock_restrict_self": "ENOSYS"}}' ARGV...

The refusals are one seccomp program of our own making, put in place before the
command starts, as a container's runtime does it. Everything below sees a kernel
that answers so.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lockgate_sandbox.bpf.compile import Condition, Filter, Rule, compile_filter
from lockgate_sandbox.bpf.compile import error_action as refusal
from lockgate_sandbox.linux import _syscalls, credentials, seccomp
from lockgate_sandbox.linux._libc import ARCH, AUDIT_ARCH, NUMBERS, prctl, syscall

__all__ = [
    "CONTAINER",
    "NO_LANDLOCK",
    "NO_SECCOMP",
    "RUNTIME",
    "RUNTIME_CAPABILITIES",
    "command",
]

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

RUNTIME = {
    **CONTAINER,
    **dict.fromkeys(
        (
            *("acct", "clock_adjtime", "clock_settime", "settimeofday"),
            *("init_module", "finit_module", "delete_module"),
            *("kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff"),
            *("ioperm", "iopl", "vhangup", "syslog", "quotactl", "quotactl_fd"),
            *("kcmp", "process_vm_writev", "pidfd_getfd", "perf_event_open"),
            *("request_key", "userfaultfd", "lookup_dcookie", "personality"),
            *("open_by_handle_at", "name_to_handle_at", "fanotify_init"),
            *("io_uring_setup", "io_uring_enter", "io_uring_register"),
            *("get_mempolicy", "set_mempolicy", "mbind", "move_pages"),
            *("sethostname", "setdomainname", "fspick", "chroot"),
            *("sysfs", "ustat", "uselib", "modify_ldt", "nfsservctl", "vmsplice"),
        ),
        "EPERM",
    ),
}
"""More of it: what Docker's and containerd's profiles refuse of what is known."""

RUNTIME_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 27, 29, 31)
"""What a runtime leaves to root: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID,
SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, MKNOD, AUDIT_WRITE, SETFCAP."""

_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag but NEWTIME
_PR_SET_SECCOMP = 22
_MS_PRIVATE_REC = 0x44000
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_PR_CAPBSET_DROP = 24
_MS_RDONLY = 1


def command(
    argv: Sequence[str],
    *,
    refuse: Mapping[str, str],
    capabilities: bool = True,
    cgroups: bool = True,
    uid: int = -1,
    keep: Sequence[int] | None = None,
    ids: Sequence[tuple[int, int, int]] = (),
    hidepid: int = 0,
) -> list[str]:
    """The command line that runs `argv` on that poorer machine.

    `refuse` gives calls and the errno that they answer. Without `capabilities`
    the command has none, also as root; without `cgroups` root sees a read-only
    tree of control groups. `uid` is taken before the command starts (root only).
    Of the capabilities `keep` stay, if it is given. With `ids`, lines of a map of
    user and group ids, all of it happens in a user namespace, as its uid 0.
    With `hidepid` ``/proc`` is mounted so (root only, proc(5)).
    """
    asked = {
        "refuse": dict(refuse),
        "capabilities": capabilities,
        "cgroups": cgroups,
        "uid": uid,
        "keep": None if keep is None else list(keep),
        "ids": [list(line) for line in ids],
        "hidepid": hidepid,
    }
    return [sys.executable, __file__, json.dumps(asked), *argv]


def _program(refuse: Mapping[str, str]) -> bytes:
    rules: dict[int, list[Rule]] = {}
    for name, code in refuse.items():
        if name not in NUMBERS:  # iopl on aarch64
            continue
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


def _hide_processes(hidepid: int) -> None:
    syscall("unshare", _CLONE_NEWNS)
    syscall("mount", b"none", b"/", 0, _MS_PRIVATE_REC, 0)
    options = f"hidepid={hidepid}".encode()
    syscall("mount", b"proc", b"/proc", b"proc", 0, options)


def _keep(capabilities: Sequence[int]) -> None:
    """Lose all capabilities but these, for good."""
    kept = sum(1 << number for number in capabilities)
    kept &= credentials.capabilities()[1]
    for number in range(64):
        if not kept >> number & 1:
            with contextlib.suppress(OSError):
                prctl(_PR_CAPBSET_DROP, number)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    sets = struct.pack("=6I", low, low, 0, high, high, 0)
    syscall("capset", struct.pack("=Ii", 0x20080522, 0), sets)


def _in_user_namespace(ids: Sequence[Sequence[int]]) -> None:
    """Go on in a child that is uid 0 of a new user namespace; wait for it here."""
    ready, told = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        syscall("unshare", _CLONE_NEWUSER)
        os.write(ready[1], b"x")
        os.read(told[0], 1)
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        return
    os.read(ready[0], 1)
    text = "\n".join(" ".join(map(str, line)) for line in ids)
    for kind in ("uid", "gid"):
        Path(f"/proc/{child}/{kind}_map").write_text(text)
    os.write(told[1], b"x")
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _main() -> None:
    asked = json.loads(sys.argv[1])
    code = _program(asked["refuse"])
    if asked["ids"]:
        _in_user_namespace(asked["ids"])
    if not asked["cgroups"] and credentials.has_capability(credentials.CAP_SYS_ADMIN):
        _hide_cgroups()
    if asked["hidepid"]:
        _hide_processes(asked["hidepid"])
    if asked["uid"] >= 0:
        credentials.become(asked["uid"])
    if not asked["capabilities"]:
        credentials.drop_bounding_set()
        credentials.drop_capabilities()
    elif asked["keep"] is not None:
        _keep(asked["keep"])
    seccomp.install(code)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    _main()
