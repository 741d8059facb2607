"""Device controls: terminals, file systems, drivers."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]


def _on_a_pipe(name: str, request: str) -> Attack:
    """A control that a pipe does not know: the kernel says so only without us."""
    code = f"import fcntl, os; fcntl.ioctl(os.pipe()[0], {request}, bytes(8))"
    return Attack(name, code, ("seccomp",), otherwise=("ENOTTY",))


ATTACKS = (
    Attack(
        "type into a terminal",
        "import fcntl; r = __import__('os').pipe()[0]; fcntl.ioctl(r, 0x5412, b'x')",
        ("seccomp",),
        otherwise=("ENOTTY",),
    ),
    Attack(
        "type into a terminal with a dirty upper half",
        "r = __import__('os').pipe()[0]; syscall('ioctl', r, 0x5412 | 1 << 32, 0)",
        ("seccomp",),
        otherwise=("ENOTTY",),
    ),
    Attack(
        "paste into a console",
        "import fcntl; r = __import__('os').pipe()[0]; fcntl.ioctl(r, 0x541c, b'x')",
        ("seccomp",),
        otherwise=("ENOTTY",),
    ),
    _on_a_pipe("take a terminal", "0x540e"),  # TIOCSCTTY
    _on_a_pipe("redirect the console", "0x541d"),  # TIOCCONS
    _on_a_pipe("load a line discipline", "0x5423"),  # TIOCSETD
    _on_a_pipe("hold the output of a terminal", "0x540a"),  # TCXONC
    _on_a_pipe("change the size of a terminal", "0x5414"),  # TIOCSWINSZ
    _on_a_pipe("keep others from opening a terminal", "0x540c"),  # TIOCEXCL
    Attack(
        "ask a file system about its blocks",
        """
        import array, fcntl, os
        told = array.array("i", [0])
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 2, told)  # FIGETBSZ
        result = told[0]
        """,
        ("seccomp",),
    ),
    Attack(
        "clone a file that may only be read",
        """
        import fcntl, os
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0x40049409, 9999)  # FICLONE
        """,
        ("seccomp",),
        otherwise=("EBADF",),
    ),
    Attack(
        "share the blocks of files",
        """
        import fcntl, os
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0xC0189436, bytes(24))
        result = True
        """,
        ("seccomp",),
        otherwise=("EOPNOTSUPP", "ENOTSUP", "EINVAL"),
    ),
    Attack(
        "change the attributes of a file that may only be read",
        """
        import fcntl, os
        file = os.open(host["secret"], os.O_RDONLY)
        fcntl.ioctl(file, 0x40086602, bytes(8))  # FS_IOC_SETFLAGS
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
        otherwise=("EOPNOTSUPP", "ENOTSUP"),
    ),
    Attack(
        "encrypt a folder that may only be read",
        """
        import fcntl, os
        folder = os.open(host["granted"], os.O_RDONLY)
        fcntl.ioctl(folder, 0x800C6613, bytes(12))  # FS_IOC_SET_ENCRYPTION_POLICY
        """,
        ("seccomp",),
        job={"read": ["granted"]},
        otherwise=("EINVAL", "EOPNOTSUPP", "ENOTSUP"),
    ),
)
