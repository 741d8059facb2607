"""The same by other calls: older ones, by descriptor, by link, by a path of its own."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Answer, Attack, calls

__all__ = ["ATTACKS"]

_PATH = "host['secret'].encode()"
_FILE = "__import__('os').open(host['secret'], 0)"

_CHANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "mode by a path of its own": ("fchmodat", ("-100", _PATH, "0o666", "0")),
    "owner by its descriptor": ("fchown", (_FILE, "host['uid']", "-1")),
    "owner by a link": ("lchown", (_PATH, "host['uid']", "-1")),
    "owner by a path of its own": (
        "fchownat",
        ("-100", _PATH, "host['uid']", "-1", "0"),
    ),
    "extended attributes by a link": (
        "lsetxattr",
        (_PATH, "b'user.y'", "b'x'", "1", "0"),
    ),
    "extended attributes by its descriptor": (
        "fsetxattr",
        (_FILE, "b'user.y'", "b'x'", "1", "0"),
    ),
    "extended attributes by removing one of a link": (
        "lremovexattr",
        (_PATH, "b'user.x'"),
    ),
    "extended attributes by removing one by its descriptor": (
        "fremovexattr",
        (_FILE, "b'user.x'"),
    ),
}

_OF_OLD = {
    "utime": (_PATH, "0"),
    "utimes": (_PATH, "0"),
    "futimesat": ("-100", _PATH, "0"),
}
"""Calls that only x86-64 still has."""

_CONNECTED = Answer("a pair is connected, and hears nobody else", ("EINVAL", "EISCONN"))

ATTACKS = (
    *(
        calls(
            f"change a file's {name}",
            call,
            *args,
            root_held_by=("uid",),
            job={"read": ["secret"]},
            absent=("ENOTSUP", "ENODATA") if "attributes" in name else (),
        )
        for name, (call, args) in _CHANGES.items()
    ),
    *(
        calls(
            f"change a file's times with {call}",
            call,
            *args,
            root_held_by=("uid",),
            machine="x86_64",
        )
        for call, args in _OF_OLD.items()
    ),
    Attack(
        "lock a file that may only be read, by its descriptor alone",
        """
        import fcntl, os, struct
        file = os.open(host["secret"], os.O_RDONLY)
        fcntl.fcntl(file, 37, struct.pack("hhqqi4x", 0, 0, 0, 1, 0))  # F_OFD_SETLK
        result = True
        """,
        ("seccomp",),
        job={"read": ["secret"]},
        reach=("basic", "elevated", "admin", "programs"),
    ),
    Attack(
        "fork from machine code of its own, sharing its memory",
        """
        import ctypes, mmap, os
        # vfork; in the child exit(0): neither touches the stack that they share
        code = bytes.fromhex("b83a0000000f0585c07509b83c00000031ff0f05c3")
        room = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        room.write(code)
        at = ctypes.addressof(ctypes.c_char.from_buffer(room))
        pid = ctypes.CFUNCTYPE(ctypes.c_long)(at)()
        if pid < 0:
            raise OSError(-pid, "vfork")
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
        machine="x86_64",
        reach=("programs",),
    ),
    calls(
        "confine itself by rules that it was given",
        "landlock_restrict_self",
        "-1",
        "0",
        says="ENOSYS",
        answer=Answer("the kernel looks for the rules, and there are none", ("EBADF",)),
    ),
    Attack(
        "send to a service through a pair of stream sockets",
        """
        import socket
        mine, _ = socket.socketpair()
        mine.sendto(b"x", host["stream"])
        """,
        ("seccomp",),
        answer=_CONNECTED,
    ),
    *(
        Attack(
            f"take who calls at a pair of sockets, with {call}",
            f"""
            import socket
            mine, _ = socket.socketpair()
            syscall({call!r}, mine.fileno(), 0, 0, 0)
            """,
            ("seccomp",),
            answer=_CONNECTED,
        )
        for call in ("accept", "accept4")
    ),
    Attack(
        "make a pair of sockets of another family",
        "import socket; socket.socketpair(socket.AF_INET, socket.SOCK_STREAM)",
        ("seccomp",),
        answer=Answer("only unix sockets come in pairs, and TCP says so", ("ENOTSUP",)),
    ),
    Attack(
        "put a newer program into a socket",
        """
        import socket, struct
        mine, _ = socket.socketpair()
        mine.setsockopt(socket.SOL_SOCKET, 50, struct.pack("i", -1))  # SO_ATTACH_BPF
        """,
        ("seccomp",),
        answer=Answer("the kernel looks for the program: there is none", ("EBADF",)),
    ),
)
