"""Run a command as a poorer machine would: calls refused, no capabilities, a uid.

Executed, never imported by tests (they use `command`)::

    python confine.py '{"refuse": {"landlock_restrict_self": "ENOSYS"}}' ARGV...

The refusals are one seccomp program of our own making, put in place before the
command starts, as a container's runtime does it. Everything below sees a kernel
that answers so. A container's calls are those of ``container.json``.
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
from typing import Any

from lockgate_sandbox import policies
from lockgate_sandbox.bpf.compile import (
    ALLOW,
    KILL,
    Condition,
    Filter,
    Rule,
    compile_filter,
)
from lockgate_sandbox.bpf.compile import error_action as refusal
from lockgate_sandbox.linux import _syscalls, credentials, seccomp
from lockgate_sandbox.linux._libc import ARCH, AUDIT_ARCH, NUMBERS, prctl, syscall

__all__ = [
    "CONTAINER_CAPABILITIES",
    "NO_LANDLOCK",
    "NO_SECCOMP",
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

CONTAINER_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
"""What a runtime leaves to root: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID,
SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD, AUDIT_WRITE, SETFCAP."""

_CONTAINER_CALLS = Path(__file__).with_name("container.json")
_WITH_CAPABILITY = {18: "chroot"}
"""Calls that a runtime allows because it leaves the capability for them."""

_PR_SET_SECCOMP = 22
_RETURN = 0x06
_KILL, _PASS = (struct.pack("=HBBI", _RETURN, 0, 0, what) for what in (KILL, ALLOW))
_MS_PRIVATE_REC = 0x44000
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_MS_RDONLY = 1


def command(
    argv: Sequence[str],
    *,
    container: bool = False,
    refuse: Mapping[str, str] | None = None,
    capabilities: bool = True,
    cgroups: bool = True,
    uid: int = -1,
    keep: Sequence[int] | None = None,
    ids: Sequence[tuple[int, int, int]] = (),
    hidepid: int = 0,
) -> list[str]:
    """The command line that runs `argv` on that poorer machine.

    In a `container` only the calls work that its runtime's usual profile allows.
    `refuse` gives more calls and the errno that they answer; ``call:ARGUMENT=VALUE``
    is one only with that value as its argument (from 0). Without `capabilities`
    the command has none, also as root; without `cgroups` root sees a read-only
    tree of control groups. `uid` is taken before the command starts (root only).
    Of the capabilities `keep` stay, if it is given. With `ids`, lines of a map of
    user and group ids, all of it happens in a user namespace, as its uid 0; with
    `uid` too it is that user's own, and may map nobody else.
    With `hidepid` ``/proc`` is mounted so (root only, proc(5)).
    """
    asked = {
        "container": container,
        "refuse": dict(refuse or {}),
        "capabilities": capabilities,
        "cgroups": cgroups,
        "uid": uid,
        "keep": None if keep is None else list(keep),
        "ids": [list(line) for line in ids],
        "hidepid": hidepid,
    }
    return [sys.executable, __file__, json.dumps(asked), *argv]


def _conditions(when: str) -> tuple[Condition, ...]:
    """That of ``ARGUMENT=VALUE``, or none of an empty text."""
    if not when:
        return ()
    argument, _, value = when.partition("=")
    return (Condition(int(argument), "eq", int(value)),)


def _program(asked: Mapping[str, Any]) -> bytes:
    """The filter of that machine."""
    refuse: dict[str, str] = asked["refuse"]
    rules: dict[int, list[Rule]] = {}
    for text, code in refuse.items():
        name, _, when = text.partition(":")
        if name in NUMBERS:  # iopl is not, on aarch64
            refused = Rule(refusal(getattr(errno, code)), _conditions(when))
            rules[NUMBERS[name]] = [refused, *([Rule(ALLOW)] if when else [])]
    if "seccomp" in refuse:
        option = Condition(0, "eq", _PR_SET_SECCOMP)
        rules[NUMBERS["prctl"]] = [Rule(refusal(errno.EINVAL), (option,)), Rule(ALLOW)]
    if not asked["container"]:
        return compile_filter(Filter(AUDIT_ARCH[ARCH], _syscalls.NEWEST, rules)).code
    allowed: dict[int, list[Rule]] = {}
    for entry in policies.parse(_CONTAINER_CALLS.read_text(), "container"):
        for call in entry.calls:
            if call in NUMBERS:
                rule = Rule(entry.action, entry.conditions)
                allowed.setdefault(NUMBERS[call], []).append(rule)
    for capability, call in _WITH_CAPABILITY.items():
        keeps = asked["keep"] is None or capability in asked["keep"]
        if asked["capabilities"] and keeps:
            allowed[NUMBERS[call]] = [Rule(ALLOW)]
    # Refused is what both do not let through.
    judged = Filter(
        AUDIT_ARCH[ARCH], _syscalls.NEWEST, allowed | rules, refusal(errno.EPERM)
    )
    # Runtimes let programs of the 32-bit and the x32 machine run, by lists like
    # these: here they pass, so that nothing but our own filter stops them.
    return compile_filter(judged).code.replace(_KILL, _PASS)


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
        with contextlib.suppress(PermissionError):  # an ordinary user's may not
            os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        return
    os.read(ready[0], 1)
    text = "\n".join(" ".join(map(str, line)) for line in ids)
    if not credentials.has_capability(credentials.CAP_SETGID):
        Path(f"/proc/{child}/setgroups").write_text("deny")
    for kind in ("uid", "gid"):
        Path(f"/proc/{child}/{kind}_map").write_text(text)
    os.write(told[1], b"x")
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _become(uid: int) -> None:
    credentials.become(uid)
    prctl(_PR_SET_DUMPABLE, 1)  # as execve will have it: /proc/self is the user's


def _main() -> None:
    asked = json.loads(sys.argv[1])
    # Before anything that could make the files here unreadable.
    code = _program(asked)
    if asked["ids"] and asked["uid"] >= 0:
        _become(asked["uid"])
    if asked["ids"]:
        _in_user_namespace(asked["ids"])
    if not asked["cgroups"] and credentials.has_capability(credentials.CAP_SYS_ADMIN):
        _hide_cgroups()
    if asked["hidepid"]:
        _hide_processes(asked["hidepid"])
    if asked["uid"] >= 0 and not asked["ids"]:
        _become(asked["uid"])
    if not asked["capabilities"]:
        credentials.drop_bounding_set()
        credentials.drop_capabilities()
    elif asked["keep"] is not None:
        _keep(asked["keep"])
    seccomp.install(code)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606


if __name__ == "__main__":
    _main()
