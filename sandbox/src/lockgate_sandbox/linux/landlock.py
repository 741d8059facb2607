"""Landlock: which files a process may reach, whatever its uid says.

Closes opening, executing, creating, renaming, linking and (ABI 3) truncating
files, TCP bind and connect (ABI 4), ioctl on devices (ABI 5), abstract unix
sockets and signals to processes outside the domain (ABI 6), and always: ptrace
and process_vm access to processes outside the domain.

Leaves open (other layers close them): stat, chmod, chown, utime, xattr, chdir,
inotify, file descriptors opened before, UDP, pathname unix sockets, memfds.

A ruleset can be built long before it is used: `open_ruleset` costs some 10 us a
rule, `restrict_self` some 20 us in all.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from lockgate_sandbox.linux._libc import (
    NUMBERS,
    carry_out,
    prepared,
    raw_syscall,
    syscall,
)
from lockgate_sandbox.linux.plain import open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lockgate_sandbox.linux._libc import Prepared

    Rule = tuple[str, int]

__all__ = [
    "ALL",
    "EXECUTE",
    "NEWEST_ABI",
    "READ",
    "WRITE",
    "handled",
    "kernel_abi",
    "open_ruleset",
    "restrict_self",
    "restricting",
]

NEWEST_ABI = 7
"""The newest ABI whose rights were tested; newer kernels are asked for no more."""

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR = 1 << 4
REMOVE_FILE = 1 << 5
MAKE_CHAR = 1 << 6
MAKE_DIR = 1 << 7
MAKE_REG = 1 << 8
MAKE_SOCK = 1 << 9
MAKE_FIFO = 1 << 10
MAKE_BLOCK = 1 << 11
MAKE_SYM = 1 << 12
REFER = 1 << 13  # ABI 2
TRUNCATE = 1 << 14  # ABI 3
IOCTL_DEV = 1 << 15  # ABI 5

READ = READ_FILE | READ_DIR
"""What a read grant gives."""

WRITE = (
    READ
    | WRITE_FILE
    | TRUNCATE
    | REMOVE_DIR
    | REMOVE_FILE
    | MAKE_DIR
    | MAKE_REG
    | MAKE_SYM
    | REFER
)
"""What a write grant gives: no device nodes, no sockets, no FIFOs."""

DEVICE = READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV
"""What a granted device file gives."""

ALL = (1 << 16) - 1

# Rights that the kernel accepts for a file that is no directory; any other bit
# makes landlock_add_rule fail with EINVAL.
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

_NET_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract unix sockets and signals

_PR_SET_NO_NEW_PRIVS = 38
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1


class _RulesetAttr(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneathAttr(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (
        ("allowed_access", ctypes.c_uint64),
        ("parent_fd", ctypes.c_int32),
    )


def kernel_abi() -> int:
    """The ABI that the running kernel offers; 0 without Landlock."""
    try:
        return syscall("landlock_create_ruleset", 0, 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def handled(abi: int) -> tuple[int, int, int]:
    """The (file, network, scope) bits that a ruleset of `abi` takes charge of.

    Everything that the ABI knows, up to `NEWEST_ABI`: a right that is not
    handled is a right that everybody has.
    """
    files = MAKE_SYM * 2 - 1
    if abi >= 2:
        files |= REFER
    if abi >= 3:
        files |= TRUNCATE
    if abi >= 5:
        files |= IOCTL_DEV
    return files, _NET_TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0


def open_ruleset(
    rules: Iterable[Rule],
    abi: int,
    identities: Mapping[str, Sequence[int]] | None = None,
) -> int:
    """A file descriptor of a ruleset that allows `rules` and nothing else.

    Each rule is an absolute path without links and the rights beneath it. A path
    that does not exist is left out, and so is one that leads through a link, or is
    not the file of its (device, inode) in `identities`: somebody put it there since.
    The rule is made of the very descriptor that was looked at. `abi` may be lower
    than the kernel's, which then behaves like an older one. The caller owns the
    descriptor (close-on-exec).

    Raises:
        OSError: If the kernel refuses the ruleset or a rule.
    """
    files, net, scoped = handled(abi)
    attr = _RulesetAttr(files, net, scoped)
    # An older kernel refuses a longer structure unless the rest is zero; a
    # shorter one is always understood.
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = syscall("landlock_create_ruleset", ctypes.byref(attr), size, 0)
    try:
        beneath = _PathBeneathAttr()
        known = identities or {}
        number = NUMBERS["landlock_add_rule"]
        for path, rights in rules:
            _add_rule(ruleset, number, beneath, path, rights & files, known.get(path))
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _add_rule(
    ruleset: int,
    number: int,
    beneath: _PathBeneathAttr,
    path: str,
    rights: int,
    identity: Sequence[int] | None,
) -> None:
    """Allow `rights` beneath `path`, masked to what fits its kind of file."""
    try:
        target = open_plain(path, os.O_PATH)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # Not there, or not reachable for us: it will not be for the child.
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            return  # a link that was not there when the path was looked up
        raise
    try:
        found = os.fstat(target)
        if identity is not None and (found.st_dev, found.st_ino) != tuple(identity):
            return
        if not stat.S_ISDIR(found.st_mode):
            rights &= _FILE_RIGHTS
        if not rights:
            return
        beneath.allowed_access = rights
        beneath.parent_fd = target
        try:
            raw_syscall(number, ruleset, _RULE_PATH_BENEATH, ctypes.byref(beneath), 0)
        except OSError as error:
            msg = f"landlock_add_rule: {error.strerror}"
            raise OSError(error.errno, msg, path) from None
    finally:
        os.close(target)


def restrict_self(ruleset: int) -> None:
    """Put the calling thread under `ruleset`, for good.

    The process must be single-threaded (before ABI 8 only the calling thread is
    bound) and have no_new_privs, which this sets.

    Raises:
        OSError: If the kernel refuses.
    """
    for call in restricting(ruleset):
        carry_out(call)


def restricting(ruleset: int) -> tuple[Prepared, Prepared]:
    """The calls of `restrict_self`, made ready.

    Raises:
        OSError: If this machine has no Landlock (ENOSYS).
    """
    return (
        prepared("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        prepared("landlock_restrict_self", ruleset, 0),
    )
