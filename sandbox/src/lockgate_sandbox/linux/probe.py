"""What this machine lets us enforce, found by enforcing it in a child.

Versions and configuration files say what should work; a container's own filter,
a security module or a sysctl decides what does. So each facility is tried in a
forked child that then ends. Run as a script this module prints its findings as
JSON: a process that has threads must not fork, so it executes this one instead.
"""

from __future__ import annotations

import errno
import os
import select
import sys

from lockgate_sandbox.linux import (
    cgroup_parents,
    credentials,
    landlock,
    namespaces,
    seccomp,
)
from lockgate_sandbox.linux._libc import ARCH, NUMBERS, prctl, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find_all", "in_child"]

# "allow everything": the smallest program the kernel accepts.
_ALLOW_ALL = b"\x06\x00\x00\x00\x00\x00\xff\x7f"

_PR_SET_DUMPABLE = 4
_SIGKILL = 9


def in_child(act: Callable[[], None]) -> str:
    """An empty text if `act` succeeds in a forked child, else why not."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if not pid:
        why = ""
        try:
            act()
        except OSError as error:
            why = reason(error) or error.__class__.__name__
        except BaseException as error:
            why = repr(error)
        os.write(writer, why.encode()[:4000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    return text or (f"the child ended with status {status}" if status else "")


def _landlock() -> None:
    abi = landlock.kernel_abi()
    if not abi:
        raise OSError(errno.ENOSYS, "no Landlock in this kernel or container")
    landlock.restrict_self(
        landlock.open_ruleset([("/", landlock.READ)], min(abi, landlock.NEWEST_ABI))
    )
    try:
        os.open("/lockgate-probe", os.O_CREAT | os.O_WRONLY, 0o600)
    except PermissionError:
        return
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES):
            return
        raise
    os.unlink("/lockgate-probe")  # noqa: PTH108  (pathlib is not wanted here)
    raise OSError(errno.EPERM, "a Landlock ruleset was accepted but not enforced")


def _mounts() -> None:
    if not credentials.has_capability(credentials.CAP_SYS_ADMIN):
        namespaces.own_user_namespace()
    namespaces.own_mounts()
    owner = (os.geteuid(), os.getegid())
    namespaces.mount_scratch("/", size=4096, inodes=4, owner=owner, programs=False)


def _uid() -> None:
    ids = credentials.own_uid_range()
    if ids is None:
        raise OSError(errno.EINVAL, "too few user ids are mapped in this namespace")
    credentials.become(credentials.adopt_uid(*ids, os.getpid()))


def _hidden_from_host() -> str:
    """Why nobody but root sees the state of a process that can't be traced, or nothing.

    A /proc with hidepid (proc(5)) hides from a user what that user may not trace.
    """
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if not pid:
        try:
            prctl(_PR_SET_DUMPABLE, 0)
        finally:
            os.write(writer, b"x")
        while True:  # until it is killed
            select.select([], [], [])
    os.read(reader, 1)
    try:
        os.close(os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return f"/proc hides it (hidepid): {reason(error)}"
    finally:
        os.kill(pid, _SIGKILL)
        os.waitpid(pid, 0)
        os.close(reader)
        os.close(writer)
    return ""


def find_all() -> dict[str, object]:
    """The findings as plain data, as `_seal.plan.Capabilities` names them.

    Must be called in a single-threaded process; leaves nothing behind.
    """
    reasons: dict[str, str] = {}
    abi = landlock.kernel_abi()
    trials: dict[str, Callable[[], None]] = {
        "landlock": _landlock,
        "seccomp": lambda: seccomp.install(_ALLOW_ALL),
        "user_namespace": namespaces.own_user_namespace,
        "mount_namespace": _mounts,
        "own_uid": _uid,
    }
    for name, act in trials.items():
        reasons[name] = in_child(act)
    if not NUMBERS:
        reasons["seccomp"] = f"no system call table for {ARCH}"
    reasons["sight_of_workers"] = _hidden_from_host()
    parents, reasons["cgroup"] = cgroup_parents.find_parents()
    for name, controller in (("cpu_share", "cpu"), ("gpu_memory", "dmem")):
        more, reasons[name] = cgroup_parents.find_parents([controller])
        parents += more
    return {
        "machine": ARCH,
        "kernel": os.uname().release,
        "uid": os.geteuid(),
        "landlock_abi": 0 if reasons["landlock"] else abi,
        "cgroup_parents": [list(parent) for parent in parents],
        "reasons": reasons,
    }


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(find_all()))
