"""The older asynchronous calls: files by a queue, which their own code hands over."""

from __future__ import annotations

from textwrap import dedent

from tests.sandbox.attacks.catalogue.attack import Attack, calls, knocks

__all__ = ["ATTACKS"]

_QUEUE = """
import ctypes, errno, os, struct
room, told = ctypes.create_string_buffer(16), ctypes.create_string_buffer(32)

def queue():
    made = ctypes.c_uint64()
    syscall("io_setup", 1, ctypes.byref(made))
    return made

def ask(made, operation, file, amount=0):
    # Hand one operation over: what it was asked for by.
    asked = ctypes.create_string_buffer(struct.pack(
        "QIIHhIQQqQII", 77, 0, 0, operation, 0, file,
        amount or ctypes.addressof(room), 16 if not amount else 0, 0, 0, 0, 0), 64)
    at = (ctypes.c_void_p * 1)(ctypes.addressof(asked))
    syscall("io_submit", made, 1, at)
    return asked

def read(made):
    return ask(made, 0, os.open(os.__file__, os.O_RDONLY))

def is_read():
    return room.raw == open(os.__file__, "rb").read(16) and told.raw[0] == 77
"""


def _with_a_queue(name: str, code: str) -> Attack:
    """Ask for a queue that there is not, then for what one of its own is good for."""
    tried = knocks(_QUEUE + dedent(code))
    return Attack(name, tried, ("seccomp",), absent=("ENOSYS",))


ATTACKS = (
    calls(
        "use the older asynchronous calls",
        "io_setup",
        "1",
        "(__import__('ctypes').c_uint64 * 1)()",
        absent=("ENOSYS",),
    ),
    _with_a_queue(
        "read a file by an older queue",
        """
        knock("EINVAL", "io_submit", 0, 0, 0)
        made = queue()
        read(made)
        syscall("io_getevents", made, 1, 1, told, 0)
        result = is_read()
        """,
    ),
    _with_a_queue(
        "take an answer from an older queue",
        """
        knock("EINVAL", "io_getevents", 0, 0, 0, 0, 0)
        made = queue()
        read(made)
        result = syscall("io_getevents", made, 1, 1, told, 0) == 1 and is_read()
        """,
    ),
    _with_a_queue(
        "take an answer from an older queue with signals held",
        """
        knock("EINVAL", "io_pgetevents", 0, 0, 0, 0, 0, 0)
        made = queue()
        read(made)
        result = syscall("io_pgetevents", made, 1, 1, told, 0, 0) == 1 and is_read()
        """,
    ),
    _with_a_queue(
        "take a question back from an older queue",
        """
        knock("EINVAL", "io_cancel", 0, room, told)
        made = queue()
        asked = ask(made, 5, os.pipe()[0], 1)  # IOCB_CMD_POLL, for POLLIN: for ever
        try:
            syscall("io_cancel", made, asked, told)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise
        result = syscall("io_getevents", made, 1, 1, told, 0) == 1
        """,
    ),
    _with_a_queue(
        "take an older queue down",
        """
        knock("EINVAL", "io_destroy", 0)
        made = queue()
        syscall("io_destroy", made)
        try:
            syscall("io_destroy", made)
        except OSError as error:
            result = error.errno == errno.EINVAL
        """,
    ),
)
