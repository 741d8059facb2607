"""Single features of the kernel, each found by using it in a child.

More than a seal asks for: what `doctor` shows. Runs in a fresh process, like
`probe`, and leaves nothing behind.
"""

from __future__ import annotations

import _socket
import ctypes
import errno
import fcntl
import os
import struct

from lockgate_sandbox.linux import credentials, namespaces, seccomp
from lockgate_sandbox.linux._libc import NUMBERS, syscall
from lockgate_sandbox.linux.probe import in_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find_features"]

_RESOLVE_BENEATH = 0x08
_AT_FDCWD = -100

# include/uapi/linux/fcntl.h
_F_ADD_SEALS = 1033
_SEALS = 0x2 | 0x4 | 0x10  # SHRINK, GROW, FUTURE_WRITE (5.1)

# include/uapi/linux/seccomp.h: SECCOMP_IOCTL_NOTIF_RECV and _SEND, the sizes of
# struct seccomp_notif and seccomp_notif_resp, SECCOMP_USER_NOTIF_FLAG_CONTINUE.
_RECEIVE = 0xC0502100
_SEND = 0xC0182101
_REQUEST_BYTES = 80
_GO_ON = 1


def _close_range() -> None:
    number = os.dup2(0, 1000)
    syscall("close_range", number, number, 0)
    try:
        os.fstat(number)
    except OSError:
        return
    raise OSError(errno.EINVAL, "the descriptor is still open")


def _pidfd() -> None:
    os.close(os.pidfd_open(os.getpid()))


def _openat2() -> None:
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH)
    buffer = ctypes.create_string_buffer(how, len(how))
    os.chdir("/")
    for path, refused in ((b"usr", 0), (b"..", errno.EXDEV)):
        try:
            fd = syscall("openat2", _AT_FDCWD, path, buffer, len(how))
        except OSError as error:
            if error.errno != refused:
                raise
        else:
            os.close(fd)
            if refused:
                raise OSError(errno.EXDEV, "a way up was not refused")


def _sealed_memory() -> None:
    fd = os.memfd_create("lockgate-probe", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4096)
    fcntl.fcntl(fd, _F_ADD_SEALS, _SEALS)
    try:
        os.write(fd, b"x")
    except PermissionError:
        return
    raise OSError(errno.EPERM, "a sealed segment could be written")


def _notify() -> None:
    """Have a child's call answered by us: go on (Linux 5.5)."""
    code = _notifying(NUMBERS["getppid"])
    mine, theirs = _socket.socketpair()
    pid = os.fork()
    if not pid:
        packed = struct.pack("i", seccomp.listen(code))
        theirs.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
        os._exit(0 if os.getppid() else 1)
    theirs.close()
    _, ancillary, _, _ = mine.recvmsg(1, _socket.CMSG_SPACE(4))
    if not ancillary:
        raise OSError(errno.EBUSY, "no listener: a filter further out may have one")
    (listener,) = struct.unpack("i", ancillary[0][2])
    request = bytearray(_REQUEST_BYTES)
    fcntl.ioctl(listener, _RECEIVE, request)
    (ticket,) = struct.unpack_from("=Q", request)
    fcntl.ioctl(listener, _SEND, bytearray(struct.pack("=QqiI", ticket, 0, 0, _GO_ON)))
    if os.waitpid(pid, 0)[1]:
        raise OSError(errno.EINVAL, "the call did not go on")


def _notifying(number: int) -> bytes:
    """A filter that asks about one call and allows all others."""
    load, jump, give = 0x20, 0x15, 0x06
    return b"".join(
        struct.pack("=HBBI", *step)
        for step in (
            (load, 0, 0, 0),
            (jump, 0, 1, number),
            (give, 0, 0, 0x7FC00000),  # SECCOMP_RET_USER_NOTIF
            (give, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
        )
    )


def _network() -> None:
    _privileged()
    syscall("unshare", namespaces.CLONE_NEWNET | namespaces.CLONE_NEWIPC)


def _pid_namespace() -> None:
    _privileged()
    namespaces.own_mounts()
    namespaces.unshare_pids()
    pid = os.fork()
    if not pid:
        try:
            namespaces.own_proc()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0 if os.getpid() == 1 else 255)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status == 255:
        raise OSError(errno.EINVAL, "the child of a new pid namespace is not pid 1")
    if status:
        raise OSError(status, f"a /proc of its own: {os.strerror(status)}")


def _privileged() -> None:
    if not credentials.has_capability(credentials.CAP_SYS_ADMIN):
        namespaces.own_user_namespace()


def find_features() -> dict[str, str]:
    """For each feature an empty text, or why it can't be had.

    Must be called in a single-threaded process; leaves nothing behind.
    """
    trials: dict[str, Callable[[], None]] = {
        "close_range": _close_range,
        "pidfd": _pidfd,
        "openat2": _openat2,
        "sealed_memory": _sealed_memory,
        "seccomp_notify": _notify,
        "network_namespace": _network,
        "pid_namespace": _pid_namespace,
    }
    return {name: in_child(act) for name, act in trials.items()}
