"""System calls by name, through ctypes.

Everything here runs in the zygote and in freshly forked children, so it imports
next to nothing and allocates its buffers before they are needed.
"""

from __future__ import annotations

import ctypes
import os

from lockgate_sandbox.linux import _syscalls

__all__ = [
    "ARCH",
    "AUDIT_ARCH",
    "NUMBERS",
    "Prepared",
    "carry_out",
    "prctl",
    "prepared",
    "raw_syscall",
    "reason",
    "syscall",
]

ARCH = os.uname().machine

_TABLES = {"x86_64": _syscalls.X86_64, "aarch64": _syscalls.AARCH64}

# include/uapi/linux/audit.h: what seccomp data carries as `arch`.
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

NUMBERS: dict[str, int] = _TABLES.get(ARCH, {})

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Prepared: TypeAlias = tuple[str, tuple[object, ...]]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_call = _libc.syscall
_long = ctypes.c_long
_set_errno = ctypes.set_errno
_get_errno = ctypes.get_errno


def reason(error: OSError) -> str:
    """What went wrong and where, for people: without the errno's number."""
    text = error.strerror or str(error)
    return f"{text}: {error.filename}" if error.filename else text


def raw_syscall(number: int, *args: object) -> int:
    """The kernel's answer to call `number`.

    Integers are passed as longs; ctypes pointers and bytes as they are.

    Raises:
        OSError: If the kernel refuses.
    """
    given = [_long(a) if isinstance(a, int) else a for a in args]
    result: int = _call(_long(number), *given)
    if result == -1:
        errno = _get_errno()
        _set_errno(0)
        raise OSError(errno, os.strerror(errno))
    return result


def syscall(name: str, *args: object) -> int:
    """`raw_syscall` by name.

    Raises:
        OSError: If the kernel refuses, or this machine has no such call
            (ENOSYS).
    """
    number = NUMBERS.get(name)
    if number is None:
        raise OSError(38, f"no system call {name} on {ARCH}")
    try:
        return raw_syscall(number, *args)
    except OSError as error:
        raise OSError(error.errno, f"{name}: {error.strerror}") from None


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """Control the process, every argument given, as newer options demand.

    Raises:
        OSError: If the kernel refuses.
    """
    return syscall("prctl", option, a, b, c, d)


def prepared(name: str, *args: object) -> Prepared:
    """The call `name` with everything that `carry_out` would have to make for it.

    For a child that was just forked: it copies each page that it writes to, and to
    look at an object is to write to it.

    Raises:
        OSError: If this machine has no such call (ENOSYS).
    """
    number = NUMBERS.get(name)
    if number is None:
        raise OSError(38, f"no system call {name} on {ARCH}")
    given = (_long(a) if isinstance(a, int) else a for a in args)
    return name, (_long(number), *given)


def carry_out(call: Prepared, *numbers: int) -> int:
    """The kernel's answer to a prepared call.

    `numbers` come after what was given before, each one that fits in a C int.

    Raises:
        OSError: If the kernel refuses.
    """
    name, given = call
    result: int = _call(*given, *numbers)
    if result == -1:
        errno = _get_errno()
        _set_errno(0)
        raise OSError(errno, f"{name}: {os.strerror(errno)}")
    return result
