"""System calls newer than the tables: they do not exist."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]


def _newer(name: str, number: int, args: str, *otherwise: str, **fields: Any) -> Attack:
    """A call by its number: ENOSYS, as if the kernel had never heard of it."""
    return Attack(
        f"{name} with a call that nobody has judged",
        f"result = raw_syscall({number}, {args}) >= 0",
        ("seccomp",),
        otherwise=("ENOSYS", *otherwise),
        **fields,
    )


ATTACKS = (
    _newer(
        "ask for the page cache",
        451,
        "0, bytes(16), bytearray(32) and bytes(32), 0",
        "EFAULT",
        "EPERM",
        "EBADF",
        "EOPNOTSUPP",
    ),
    _newer("make a shadow stack", 453, "0, 4096, 0", "EOPNOTSUPP", "ENOTSUP", "EINVAL"),
    _newer("wake a futex", 454, "0, 0, 0, 0", "EINVAL", "EFAULT"),
    _newer("wait for a futex", 455, "0, 0, 0, 0, 0, 0", "EINVAL", "EFAULT"),
    _newer("move waiters of a futex", 456, "0, 0, 0, 0", "EINVAL", "EFAULT"),
    _newer("ask for a mount", 457, "0, 0, 0, 0", "EFAULT", "EINVAL"),
    _newer("list mounts", 458, "0, 0, 0, 0", "EFAULT", "EINVAL"),
    _newer(
        "read security attributes", 459, "0, 0, 0, 0", "EINVAL", "EFAULT", "EOPNOTSUPP"
    ),
    _newer(
        "set security attributes", 460, "100, 0, 0, 0", "EINVAL", "EFAULT", "EOPNOTSUPP"
    ),
    _newer("list security modules", 461, "0, 0, 0", "EINVAL", "EFAULT"),
    _newer("seal memory", 462, "0, 0, 0"),
    _newer(
        "set an extended attribute",
        463,
        "-100, host['secret'].encode(), 0, b'user.x', bytes(16), 16",
        "EOPNOTSUPP",
        root_held_by=("uid",),
    ),
    _newer(
        "read an extended attribute",
        464,
        "-100, host['secret'].encode(), 0, b'user.x', 0, 0",
        "EINVAL",
        "EFAULT",
        "ENODATA",
    ),
    _newer("list extended attributes", 465, "-100, host['secret'].encode(), 0, 0, 0"),
    _newer(
        "remove an extended attribute",
        466,
        "-100, host['secret'].encode(), 0, b'user.x'",
        "ENODATA",
        root_held_by=("uid",),
    ),
    _newer(
        "copy a mount with attributes", 467, "-100, b'/', 0, 0, 0", "EINVAL", "EPERM"
    ),
    _newer(
        "read a file's attributes",
        468,
        "-100, host['secret'].encode(), (__import__('ctypes').c_uint64 * 3)(), 24, 0",
        "EOPNOTSUPP",
        "ENOTSUP",
        "EINVAL",
    ),
    _newer(
        "set a file's attributes",
        469,
        "-100, host['secret'].encode(), bytes(24), 24, 0",
        "EOPNOTSUPP",
        "ENOTSUP",
        "EINVAL",
        "EPERM",
    ),
    _newer("do what will be invented", 600, "0, 0, 0"),
)
