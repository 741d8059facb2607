"""Seccomp: which system calls a process may make, decided from registers.

Installing is all that happens here; programs come from
`lockgate_sandbox.bpf.compile`. A program may hold slots for the caller's own
process id, which only the child knows: they are filled in just before.
"""

from __future__ import annotations

import ctypes
import os
import struct

from lockgate_sandbox.linux._libc import carry_out, prctl, prepared, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["INSTRUCTION_BYTES", "Filter", "install", "listen"]

INSTRUCTION_BYTES = 8
"""sizeof(struct sock_filter): u16 code, u8 jt, u8 jf, u32 k."""
_CONSTANT_AT = 4
put_number = struct.Struct("=I").pack_into

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_FLAG_NEW_LISTENER = 8
_FLAG_WAIT_KILLABLE = 32
_EINVAL = 22


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """A program made ready to be installed: by the calling process, or by a child.

    Instructions in `slots` compare with the process id, which only the child knows.
    """

    __slots__ = ("_start", "calls", "code", "places")

    def __init__(self, program: bytes, slots: Sequence[int] = ()) -> None:
        self.places = [slot * INSTRUCTION_BYTES + _CONSTANT_AT for slot in slots]
        self.code = bytearray(program)
        # Of its first byte alone: for an array ctypes would make a type, 50 us.
        self._start = ctypes.c_char.from_buffer(self.code)
        length = len(program) // INSTRUCTION_BYTES
        header = _Program(length, ctypes.addressof(self._start))
        self.calls = (
            prepared("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            prepared("seccomp", _SET_MODE_FILTER, 0, ctypes.byref(header)),
        )

    def name(self, pid: int) -> None:
        """Put `pid` into the slots."""
        for place in self.places:
            put_number(self.code, place, pid)

    def install(self) -> None:
        """Put the calling thread under the program, for good.

        The process must be single-threaded. Sets no_new_privs first.

        Raises:
            OSError: If the kernel refuses the program or has no seccomp.
        """
        self.name(os.getpid())
        for call in self.calls:
            carry_out(call)


def install(program: bytes, slots: Sequence[int] = ()) -> None:
    """Put the calling thread under `program`, for good: see `Filter.install`.

    Raises:
        OSError: If the kernel refuses the program or has no seccomp.
    """
    Filter(program, slots).install()


def listen(program: bytes) -> int:
    """Like `install`, for a program that notifies: the descriptor that is told.

    Whoever holds it decides about each call in question, so it must leave the
    process before any foreign code runs in it.

    Raises:
        OSError: If the kernel refuses; EBUSY if a filter further out has a
            listener, of which there can be one.
    """
    start = ctypes.cast(ctypes.c_char_p(program), ctypes.c_void_p)
    header = _Program(len(program) // INSTRUCTION_BYTES, start)
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
