"""Device controls of file systems; those of terminals are in `terminals`."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import DEVICE, Answer, Attack, knocks

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
        **DEVICE,
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
        tier="elevated",
        job={"read": ["secret"], **DEVICE["job"]},
        says="ENOTTY",
        absent=("ENOTSUP",),
    ),
    Attack(
        "read which project pays for a file",
        knocks(
            """
            import fcntl, os
            knock("EBADF", "ioctl", -1, 0x801C581F, 0)
            file = os.open(host["secret"], os.O_RDONLY)
            told = fcntl.ioctl(file, 0x801C581F, b"x" * 28)  # FS_IOC_FSGETXATTR
            result = told[20:] == bytes(8)  # what is kept for later
            """
        ),
        ("seccomp",),
        says="ENOTTY",
        tier="elevated",
        job={"read": ["secret"], **DEVICE["job"]},
    ),
    Attack(
        "tell a file from another that had its number",
        knocks(
            """
            import fcntl, os
            knock("EBADF", "ioctl", -1, 0x80087601, 0)
            file = os.open(host["secret"], os.O_RDONLY)
            told = fcntl.ioctl(file, 0x80087601, b"x" * 8)  # FS_IOC_GETVERSION
            result = told != b"x" * 8
            """
        ),
        ("seccomp",),
        says="ENOTTY",
        tier="elevated",
        job={"read": ["secret"], **DEVICE["job"]},
    ),
    Attack(
        "take the owner of a namespace",
        knocks(
            """
            import fcntl, os
            knock("EBADF", "ioctl", -1, 0xB701, 0)  # NS_GET_USERNS
            result = fcntl.ioctl(os.open("/proc/self/ns/uts", os.O_RDONLY), 0xB701) >= 0
            """
        ),
        ("seccomp",),
        also_off=("landlock", "user-namespace"),
        says="ENOTTY",
        **DEVICE,
    ),
    Attack(
        "take a namespace by a handle",
        knocks(
            """
            import fcntl, os
            knock("EBADF", "ioctl", -1, 0xFF04, 0)  # PIDFD_GET_NET_NAMESPACE
            result = fcntl.ioctl(syscall("pidfd_open", os.getpid(), 0), 0xFF04) >= 0
            """
        ),
        ("seccomp",),
        says="ENOTTY",
        kernel=(6, 11),
        **DEVICE,
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
