"""System calls newer than the tables: they do not exist."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue.attack import Answer, Attack

__all__ = ["ATTACKS"]

_TWO = """
import ctypes, struct, threading, time
words = (ctypes.c_uint32 * 2)()
here, there = ctypes.addressof(words), ctypes.addressof(words) + 4
KIND = 2 | 128  # FUTEX2_SIZE_U32 | FUTEX2_PRIVATE
def wake(at):
    return raw_syscall(454, at, 1, 1, KIND)
def wait():
    raw_syscall(455, here, 0, 1, KIND, 0, 0)
def until(work):
    # `work`, until it found the thread that waits.
    waiter = threading.Thread(target=wait)
    waiter.start()
    end = time.monotonic() + 20
    while not (found := work()) and time.monotonic() < end:
        time.sleep(0.001)
    return waiter, found
"""


def _newer(
    name: str, code: str, *, answer: tuple[str, str] | None = None, **fields: Any
) -> Attack:
    """A call by its number: ENOSYS, as if the kernel had never heard of it."""
    absent = ("ENOSYS", *fields.pop("absent", ()))
    return Attack(
        f"{name} with a call that nobody has judged",
        code,
        ("seccomp",),
        says="ENOSYS",
        answer=Answer(answer[1], (answer[0],)) if answer else None,
        absent=absent,
        **fields,
    )


ATTACKS = (
    _newer(
        "ask for the page cache",
        """
        import ctypes, os, struct
        file, told = os.open(host["secret"], os.O_RDONLY), (ctypes.c_uint64 * 5)()
        raw_syscall(451, file, struct.pack("QQ", 0, 0), told, 0)
        result = told[0]  # the page that was written last
        """,
        job={"read": ["secret"]},
        root_held_by=("uid",),
    ),
    _newer("make a shadow stack", "result = raw_syscall(453, 0, 4096, 0) >= 0"),
    _newer(
        "wake a futex",
        _TWO
        + dedent(
            """
            wake(here)
            waiter, found = until(lambda: wake(here))
            waiter.join()
            result = found == 1
            """
        ),
    ),
    _newer(
        "wait for a futex",
        """
        import ctypes, errno, struct
        word = ctypes.c_uint32(0)
        try:  # until one nanosecond after the machine has started
            raw_syscall(455, ctypes.byref(word), 0, 1, 130, struct.pack("qq", 0, 1), 1)
        except OSError as error:
            if error.errno != errno.ETIMEDOUT:
                raise
            result = True
        """,
    ),
    _newer(
        "move waiters of a futex",
        _TWO
        + dedent(
            """
            both = b"".join(struct.pack("QQII", 0, at, KIND, 0) for at in (here, there))
            def move():
                return raw_syscall(456, both, 0, 0, 1)
            move()
            waiter, found = until(move)
            result = found == 1 and wake(here) == 0 and wake(there) == 1
            waiter.join()
            """
        ),
    ),
    _newer(
        "ask for a mount",
        """
        import ctypes, errno, struct
        try:
            raw_syscall(457, 0, 0, 0, 0)
        except OSError as error:
            if error.errno != errno.EFAULT:
                raise
        ids, told = (ctypes.c_uint64 * 1)(), ctypes.create_string_buffer(4096)
        raw_syscall(458, struct.pack("IIQQ", 24, 0, 2**64 - 1, 0), ids, 1, 0)
        asked = struct.pack("IIQQ", 24, 0, ids[0], 2)  # STATMOUNT_MNT_BASIC
        raw_syscall(457, asked, told, 4096, 0)
        result = struct.unpack_from("Q", told, 8)[0] & 2
        """,
    ),
    _newer(
        "list mounts",
        """
        import ctypes, struct
        ids = (ctypes.c_uint64 * 8)()
        # LSMT_ROOT: all of them
        result = raw_syscall(458, struct.pack("IIQQ", 24, 0, 2**64 - 1, 0), ids, 8, 0)
        """,
    ),
    _newer(
        "read security attributes",
        "raw_syscall(459, 0, 0, 0, 0)",
        answer=("EINVAL", "the kernel asks which attribute"),
    ),
    _newer(
        "set security attributes",
        "raw_syscall(460, 100, 0, 0, 0)",
        answer=("EINVAL", "the kernel looks at how long the attribute is"),
    ),
    _newer(
        "list security modules",
        """
        import ctypes
        ids, size = (ctypes.c_uint64 * 32)(), ctypes.c_uint32(256)
        result = raw_syscall(461, ids, ctypes.byref(size), 0) and ids[0]
        """,
    ),
    _newer(
        "seal memory",
        """
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        at = libc.mmap(None, 4096, 3, 0x22, -1, ctypes.c_long(0))
        raw_syscall(462, at, 4096, 0)
        gone = libc.munmap(ctypes.c_void_p(at), 4096)
        result = gone == -1 and ctypes.get_errno() == errno.EPERM
        """,
    ),
    _newer(
        "set an extended attribute",
        """
        import ctypes, struct
        text = ctypes.create_string_buffer(b"new")
        asked = struct.pack("QII", ctypes.addressof(text), 3, 0)
        raw_syscall(463, -100, host["secret"].encode(), 0, b"user.y", asked, 16)
        result = True
        """,
        absent=("ENOTSUP",),
        root_held_by=("uid",),
    ),
    _newer(
        "read an extended attribute",
        """
        import ctypes, struct
        text = ctypes.create_string_buffer(9)
        asked = struct.pack("QII", ctypes.addressof(text), 9, 0)
        raw_syscall(464, -100, host["secret"].encode(), 0, b"user.x", asked, 16)
        result = text.value == b"told"
        """,
        absent=("ENODATA", "ENOTSUP"),
    ),
    _newer(
        "list extended attributes",
        """
        import ctypes
        told = ctypes.create_string_buffer(4096)
        raw_syscall(465, -100, host["secret"].encode(), 0, told, 4096)
        result = b"user.x" in told.raw
        """,
        absent=("ENOTSUP",),
    ),
    _newer(
        "remove an extended attribute",
        "raw_syscall(466, -100, host['secret'].encode(), 0, b'user.x'); result = True",
        absent=("ENODATA", "ENOTSUP"),
        root_held_by=("uid",),
    ),
    _newer(
        "copy a mount with attributes",
        "result = raw_syscall(467, -100, b'/', 0, 0, 0) >= 0",
    ),
    _newer(
        "read a file's attributes",
        """
        import ctypes
        told = (ctypes.c_uint64 * 3)()
        raw_syscall(468, -100, host["secret"].encode(), told, 24, 0)
        result = True
        """,
        absent=("ENOTSUP",),
    ),
    _newer(
        "set a file's attributes",
        """
        import ctypes, struct
        path, told = host["secret"].encode(), (ctypes.c_uint64 * 3)()
        raw_syscall(469, -100, path, struct.pack("Q16x", 0x80), 24, 0)  # NODUMP
        raw_syscall(468, -100, path, told, 24, 0)
        raw_syscall(469, -100, path, bytes(24), 24, 0)
        result = told[0] & 0x80
        """,
        absent=("ENOTSUP",),
        root_held_by=("uid",),
    ),
)
