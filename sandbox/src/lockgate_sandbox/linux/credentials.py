"""Who the worker is: a uid of its own where possible, and no capability at all.

As root a worker gets a uid that nobody else has (the process id added to a high
base), so that file modes, signals, ptrace and RLIMIT_NPROC all separate it from
everybody. That uid must be able to read the interpreter and the worker's
folders; `reachable` asks the kernel, as that uid, before the step is taken.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH123

from __future__ import annotations

import ctypes
import os
import struct

from lockgate_sandbox.linux._libc import NUMBERS, prctl, raw_syscall, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "adopt_uid",
    "become",
    "capabilities",
    "drop_bounding_set",
    "drop_capabilities",
    "drop_groups",
    "forget_bounding_set",
    "has_capability",
    "own_uid_range",
    "unreachable",
]

CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
CAP_SYS_ADMIN = 21

# Far above what distributions hand out (useradd, subuid, systemd's dynamic and
# container ranges end at 0x6FFFFFFF) and below 2**31, which some tools dislike.
_UID_BASE = 0x7000_0000
_UID_SPAN = 1 << 22  # PID_MAX_LIMIT: process ids map one to one
_UID_WINDOWS = 32  # of that size each
_SMALL_BASE = 20_000
_SMALL_SPAN = 40_000

# struct __user_cap_header_struct, version 3, the calling thread; and two times
# (effective, permitted, inheritable). Made once: a new ctypes type costs 50 us.
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)
_CapabilityData = ctypes.c_uint32 * 6
_PR_CAPBSET_DROP = 24
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_EPERM = 1
_EINVAL = 22

# NOROOT, KEEP_CAPS' lock and NO_CAP_AMBIENT_RAISE, each locked: uid 0 gains
# nothing by execve (include/uapi/linux/securebits.h).
_SECURE_BITS = 0x01 | 0x02 | 0x20 | 0x40 | 0x80

_AT_FDCWD = -100
_AT_EACCESS = 0x200

_bounding_is_empty = False


def capabilities() -> tuple[int, int, int]:
    """(effective, permitted, inheritable) of the calling thread, as bit sets.

    Raises:
        OSError: If the kernel refuses.
    """
    data = _CapabilityData()
    syscall("capget", _CAPABILITY_HEADER, data)
    low_e, low_p, low_i, high_e, high_p, high_i = data
    return low_e | high_e << 32, low_p | high_p << 32, low_i | high_i << 32


def has_capability(capability: int) -> bool:
    """Whether the calling thread may use `capability` in its user namespace."""
    return bool(capabilities()[0] >> capability & 1)


def forget_bounding_set() -> None:
    """Note that a new user namespace has filled the bounding set again."""
    global _bounding_is_empty
    _bounding_is_empty = False


def drop_bounding_set() -> bool:
    """Empty the bounding set and lock the securebits; False if not permitted.

    Costs some 40 calls, so a zygote does it once for all its children: what it
    holds now it keeps, and execve, which it never calls, would lose.

    Without CAP_SETPCAP neither is possible, and nothing is lost: with
    no_new_privs no execve can gain what the set would still allow.

    Raises:
        OSError: If the kernel refuses for another reason.
    """
    global _bounding_is_empty
    if _bounding_is_empty:
        return True
    for capability in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == _EINVAL:  # past the last capability
                break
            if error.errno == _EPERM:
                return False
            raise
    prctl(_PR_SET_SECUREBITS, _SECURE_BITS)
    _bounding_is_empty = True
    return True


def drop_capabilities() -> None:
    """Empty the ambient, effective, permitted and inheritable sets, and look.

    Raises:
        OSError: If the kernel refuses, or a capability is left.
    """
    try:
        prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    except OSError as error:
        if error.errno != _EINVAL:  # before Linux 4.3 there is no such set
            raise
    syscall("capset", _CAPABILITY_HEADER, bytes(24))
    left = capabilities()
    if any(left):
        msg = f"capabilities are left after capset: {left}"
        raise OSError(_EPERM, msg)


def drop_groups() -> None:
    """Give up all supplementary groups.

    Where the user namespace was made by an ordinary user its groups stay: the
    kernel lets nobody drop one there, for it may deny more than it permits
    (user_namespaces(7), on /proc/PID/setgroups). They are that user's own.

    Raises:
        OSError: If the kernel refuses for another reason.
    """
    try:
        os.setgroups([])
    except PermissionError:
        with open("/proc/self/setgroups", encoding="ascii") as file:
            if file.read().strip() != "deny":
                raise


def own_uid_range() -> tuple[int, int] | None:
    """(first, count) of ids that this user namespace maps and nobody else has.

    The first is one of several at random: containers on one machine may share
    its ids without seeing each other's processes. None where too few ids are
    mapped (a rootless container with one id).
    """
    window = os.urandom(1)[0] % _UID_WINDOWS
    high = _UID_BASE + window * _UID_SPAN
    for base, span in ((high, _UID_SPAN), (_SMALL_BASE, _SMALL_SPAN)):
        if _maps("/proc/self/uid_map", base, span) and _maps(
            "/proc/self/gid_map", base, span
        ):
            return base, span
    return None


def _maps(path: str, base: int, span: int) -> bool:
    """Whether one line of an id map holds the whole range."""
    try:
        with open(path, encoding="ascii") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    for line in lines:
        first, _, count = map(int, line.split())
        if first <= base and base + span <= first + count:
            return True
    return False


def adopt_uid(first: int, count: int, pid: int) -> int:
    """The id of the process `pid`: unlike that of any living process.

    `pid` is the number in the namespace that all who take ids so have in common.
    """
    return first + pid % count


def unreachable(uid: int, paths: Sequence[tuple[str, int]]) -> str:
    """The first of `paths` that `uid` could not use, or an empty text.

    Each path comes with the access it needs (os.R_OK, os.W_OK, os.X_OK). Looks
    with the file-system ids of `uid`, for which the kernel also sets the
    capabilities over files aside, and goes back to the caller's own. Paths that
    do not exist are passed over.

    Raises:
        OSError: If the caller has no right to change its ids.
    """
    groups = os.getgroups()
    own_uid, own_gid = os.geteuid(), os.getegid()
    number = NUMBERS["faccessat2"]
    if groups:
        os.setgroups([])
    try:
        syscall("setfsgid", uid)
        syscall("setfsuid", uid)
        for path, mode in paths:
            try:
                raw_syscall(number, _AT_FDCWD, os.fsencode(path), mode, _AT_EACCESS)
            except FileNotFoundError:
                continue
            except OSError:
                return path
    finally:
        syscall("setfsuid", own_uid)
        syscall("setfsgid", own_gid)
        if groups:
            os.setgroups(groups)
    return ""


def become(uid: int) -> None:
    """Give up every group and take `uid` as real, effective and saved ids.

    Raises:
        OSError: If the kernel refuses.
    """
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
