"""What mostly lies behind the end of a process, for whoever has to look for it."""

from __future__ import annotations

import signal

__all__ = ["likely"]

_CRASHES = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}
)


def likely(status: int | None, number: int | None) -> str:
    """Why one ends with `status`, or by signal `number`; empty if anybody's guess."""
    if number == signal.SIGSYS:
        return "it made a system call of a foreign architecture"
    if number in _CRASHES:
        return "native code in it crashed: a C extension, or `ctypes`"
    if number == signal.SIGKILL:
        return (
            "somebody killed it: the kernel for want of memory (`dmesg`), or a person"
        )
    return "" if status is None else "its code ended the process, as `os._exit` does"
