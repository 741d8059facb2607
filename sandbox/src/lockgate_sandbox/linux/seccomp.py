"""Seccomp: which system calls a process may make, decided from registers.

Installing is all that happens here; programs come from
`lockgate_sandbox.bpf.compile`. A program may hold slots for the caller's own
process id, which only the child knows: they are filled in just before.
"""

from __future__ import annotations

import ctypes
import os
import struct

from lockgate_sandbox.linux._libc import prctl, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["INSTRUCTION_BYTES", "install", "listen", "with_pid"]

INSTRUCTION_BYTES = 8
"""sizeof(struct sock_filter): u16 code, u8 jt, u8 jf, u32 k."""

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_FLAG_NEW_LISTENER = 8
_FLAG_WAIT_KILLABLE = 32
_EINVAL = 22


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def with_pid(program: bytes, slots: Sequence[int], pid: int) -> bytes:
    """`program` with `pid` as the constant of each instruction in `slots`."""
    if not slots:
        return program
    patched = bytearray(program)
    for slot in slots:
        struct.pack_into("=I", patched, slot * INSTRUCTION_BYTES + 4, pid)
    return bytes(patched)


def install(program: bytes, slots: Sequence[int] = ()) -> None:
    """Put the calling thread under `program`, for good.

    The process must be single-threaded. Sets no_new_privs first.

    Raises:
        OSError: If the kernel refuses the program or has no seccomp.
    """
    code = with_pid(program, slots, os.getpid())
    header = _Program(len(code) // INSTRUCTION_BYTES, code)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    syscall("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(header))


def listen(program: bytes) -> int:
    """Like `install`, for a program that notifies: the descriptor that is told.

    Whoever holds it decides about each call in question, so it must leave the
    process before any foreign code runs in it.

    Raises:
        OSError: If the kernel refuses; EBUSY if a filter further out has a
            listener, of which there can be one.
    """
    header = _Program(len(program) // INSTRUCTION_BYTES, program)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # From Linux 5.19: once the question is read no signal interrupts the caller,
    # to whose program fork would seem to fail with EINTR, which it never does.
    for flags in (_FLAG_NEW_LISTENER | _FLAG_WAIT_KILLABLE, _FLAG_NEW_LISTENER):
        try:
            return syscall("seccomp", _SET_MODE_FILTER, flags, ctypes.byref(header))
        except OSError as error:
            if error.errno != _EINVAL or flags == _FLAG_NEW_LISTENER:
                raise
    raise AssertionError
