"""Device controls of file systems; those of terminals are in `terminals`."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Answer, Attack

__all__ = ["ATTACKS"]

ATTACKS = (
    Attack(
        "ask a file system about its blocks",
        """
        import array, fcntl, os
        told = array.array("i", [0])
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 2, told)  # FIGETBSZ
        result = told[0]
        """,
        ("seccomp",),
        says="ENOTTY",
    ),
    Attack(
        "clone a file that may only be read",
        """
        import fcntl, os
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0x40049409, 9999)  # FICLONE
        """,
        ("seccomp",),
        says="ENOTTY",
        answer=Answer(
            "the kernel looks for the file to clone, and there is none", ("EBADF",)
        ),
    ),
    Attack(
        "share the blocks of files",
        """
        import fcntl, os, struct
        asked = struct.pack("QQHHI", 0, 0, 0xFFFF, 0, 0)  # FIDEDUPERANGE
        fcntl.ioctl(os.open(os.__file__, os.O_RDONLY), 0xC0189436, asked)
        """,
        ("seccomp",),
        says="ENOTTY",
        answer=Answer(
            "the kernel counted for how many files it is asked, too many for it",
            ("ENOMEM",),
        ),
    ),
    Attack(
        "change the attributes of a file that may only be read",
        """
        import fcntl, os, struct
        file = os.open(host["secret"], os.O_RDONLY)
        fcntl.ioctl(file, 0x40086602, struct.pack("q", 0x40))  # FS_IOC_SETFLAGS, NODUMP
        told = struct.unpack("q", fcntl.ioctl(file, 0x80086601, bytes(8)))[0]
        fcntl.ioctl(file, 0x40086602, struct.pack("q", told & ~0x40))
        result = told & 0x40
        """,
        ("seccomp",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
        says="ENOTTY",
        absent=("ENOTSUP",),
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
        says="ENOTTY",
        answer=Answer(
            "the file system's own code says that it has no encryption, or that there "
            "is no such policy",
            ("ENOTSUP", "EINVAL"),
        ),
    ),
)
