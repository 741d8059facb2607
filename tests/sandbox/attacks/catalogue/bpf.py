"""Programs of its own in the kernel: BPF, old and new."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, knocks

__all__ = ["ATTACKS"]

_ROOT: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
    "absent": ("ENOSYS",),
}

_FILTER = """
import ctypes, struct
# getppid (its number is compared) fails with errno 77, all else is allowed.
from lockgate_sandbox.linux._libc import NUMBERS
lines = (
    (0x20, 0, 0, 0),  # load the number
    (0x15, 0, 1, NUMBERS["getppid"]),
    (0x06, 0, 0, 0x00050000 | 77),
    (0x06, 0, 0, 0x7FFF0000),
)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *l) for l in lines))
program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))

def filtered():
    try:
        syscall("getppid")
    except OSError as error:
        return error.errno == 77
"""


def _filters(name: str, call: str) -> Attack:
    """A filter on itself that makes a call fail."""
    return Attack(name, _FILTER + dedent(call) + "\nresult = filtered()", ("seccomp",))


ATTACKS = (
    Attack(
        "load a BPF map",
        """
        import ctypes, struct
        array = struct.pack("5I", 2, 4, 8, 1, 0)  # BPF_MAP_TYPE_ARRAY, one element
        made = syscall("bpf", 0, ctypes.create_string_buffer(array, 72), 72)
        key, told = ctypes.c_uint32(0), ctypes.c_uint64(0)
        kept = ctypes.c_uint64(7)
        for command, value in ((2, kept), (1, told)):  # update, look up
            asked = struct.pack("IxxxxQQQ", made, ctypes.addressof(key),
                                ctypes.addressof(value), 0)
            syscall("bpf", command, ctypes.create_string_buffer(asked, 72), 72)
        result = told.value == 7
        """,
        **_ROOT,
    ),
    Attack(
        "load a BPF program",
        """
        import ctypes, struct
        lines = struct.pack("=BBhiBBhi", 0xB7, 0, 0, 7, 0x95, 0, 0, 0)  # r0 = 7; exit
        code = ctypes.create_string_buffer(lines)
        licence = ctypes.create_string_buffer(b"MIT")
        asked = struct.pack("IIQQ", 1, 2, ctypes.addressof(code),
                            ctypes.addressof(licence))
        made = syscall("bpf", 5, ctypes.create_string_buffer(asked, 72), 72)
        packet = ctypes.create_string_buffer(64)
        asked = ctypes.create_string_buffer(
            struct.pack("IIIIQQ", made, 0, 64, 0, ctypes.addressof(packet), 0), 72)
        syscall("bpf", 10, asked, 72)  # BPF_PROG_TEST_RUN
        result = struct.unpack_from("I", asked, 4) == (7,)
        """,
        **_ROOT,
    ),
    _filters(
        "put a filter on itself",
        "syscall('seccomp', 1, 0, ctypes.create_string_buffer(program))",
    ),
    _filters(
        "put a filter on itself by the older way",
        "syscall('prctl', 22, 2, ctypes.create_string_buffer(program), 0, 0, 0)",
    ),
    Attack(
        "load a program into a socket",
        """
        import ctypes, socket, struct
        code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xFFFF))
        program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
        mine, _ = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, 26, program)  # SO_ATTACH_FILTER
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "load a program for many sockets",
        knocks(
            """
            import ctypes, socket, struct
            code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
            program = struct.pack("HxxxxxxP", 1, ctypes.addressof(code))
            # A pair of unix sockets is never many: the kernel says so.
            mine, _ = socket.socketpair()
            given = ctypes.create_string_buffer(program)
            said = "EINVAL ENOTSUP"
            knock(said, "setsockopt", mine.fileno(), 1, 51, given, len(program))
            many = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            many.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            many.bind(("127.0.0.1", 0))
            many.setsockopt(1, 51, program)  # SO_ATTACH_REUSEPORT_CBPF
            result = True
            """
        ),
        ("seccomp",),
        also_off=("network-namespace",),
    ),
)
