"""io_uring: files and sockets by a queue that no filter sees."""

from __future__ import annotations

from textwrap import dedent

from tests.sandbox.attacks.catalogue.attack import Attack, knocks

__all__ = ["ATTACKS"]

_RING = """
import ctypes, mmap, os, struct

def ring():
    # A ring's descriptor, and where its parts lie.
    told = ctypes.create_string_buffer(120)
    fd = syscall("io_uring_setup", 1, told)
    return fd, struct.unpack_from("8I", told, 40), struct.unpack_from("8I", told, 80)

def done(made, operation, at=-1, path=b"", flags=0):
    # Have one operation done by the kernel: what it says of it.
    fd, queue, answers = made
    shared = mmap.mmap(fd, 8192)
    entries = mmap.mmap(fd, 4096, offset=0x10000000)
    text = ctypes.create_string_buffer(path)
    entries[:40] = struct.pack("BBHiQQIIQ", operation, 0, 0, at, 0,
                               ctypes.addressof(text), 0, flags, 77)
    struct.pack_into("I", shared, queue[6], 0)
    struct.pack_into("I", shared, queue[1], 1)
    syscall("io_uring_enter", fd, 1, 1, 1, 0, 0)
    mine, said, _ = struct.unpack_from("QiI", shared, answers[5])
    if said < 0:
        raise OSError(-said, os.strerror(-said))
    return said, mine == 77
"""


def _with_a_ring(code: str) -> str:
    return knocks(_RING + dedent(code))


ATTACKS = (
    Attack(
        "set up io_uring",
        _with_a_ring("result = ring()[0] >= 0"),
        ("seccomp",),
        absent=("ENOSYS",),
    ),
    Attack(
        "enter io_uring",
        _with_a_ring(
            """
            knock("EBADF", "io_uring_enter", -1, 0, 0, 0, 0, 0)
            result = done(ring(), 0) == (0, True)  # IORING_OP_NOP
            """
        ),
        ("seccomp",),
        absent=("ENOSYS",),
    ),
    Attack(
        "register with io_uring",
        _with_a_ring(
            """
            knock("EINVAL", "io_uring_register", -1, 0, 0, 0)
            told = ctypes.create_string_buffer(16 + 8)
            # IORING_REGISTER_PROBE: which operations there are
            syscall("io_uring_register", ring()[0], 8, told, 1)
            result = told.raw[0]
            """
        ),
        ("seccomp",),
        absent=("ENOSYS",),
    ),
    Attack(
        "read a host file through io_uring",
        _with_a_ring(
            """
            made = ring()
            file, _ = done(made, 18, -100, host["secret"].encode())  # OPENAT
            result = os.read(file, 100) == b"the host's secret"
            """
        ),
        ("seccomp", "landlock"),
        absent=("ENOSYS",),
    ),
)
