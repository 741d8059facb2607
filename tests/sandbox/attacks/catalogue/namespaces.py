"""Namespaces and mounts: another view of the machine."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, calls

__all__ = ["ATTACKS"]

_ROOT: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
}
_NAMES: dict[str, Any] = {
    "mount": 0x00020000,
    "control group": 0x02000000,
    "name": 0x04000000,
    "IPC": 0x08000000,
    "process": 0x20000000,
    "network": 0x40000000,
    "time": 0x00000080,
}

_IN_USER_NAMESPACE = ("seccomp", "landlock")
"""Landlock lets nobody change the mounts; without seccomp anybody gets that far."""

ATTACKS = (
    Attack(
        "make a user namespace",
        "syscall('unshare', 0x10000000); result = True",
        ("seccomp",),
    ),
    Attack(
        "make a user namespace with clone",
        """
        import os
        pid = syscall("clone", 0x10000000 | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "mount in a user namespace",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        syscall("mount", b"x", b"/dev", b"tmpfs", 0, 0)
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    *(
        calls(f"enter a new {name} namespace", "unshare", hex(flag), **_ROOT)
        for name, flag in _NAMES.items()
    ),
    Attack(
        "make a user namespace with clone3",
        """
        import os, struct
        asked = struct.pack("8Q", 0x10000000, 0, 0, 0, 17, 0, 0, 0)
        pid = syscall("clone3", asked, len(asked))
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "fork with clone3",
        """
        import os, struct
        asked = struct.pack("8Q", 0, 0, 0, 0, 17, 0, 0, 0)
        pid = syscall("clone3", asked, len(asked))
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "make a process namespace with clone",
        """
        import os
        pid = syscall("clone", 0x20000000 | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        **_ROOT,
    ),
    Attack(
        "hide a namespace flag in a dirty upper half",
        "syscall('unshare', 0x10000000 | 1 << 40); result = True",
        ("seccomp",),
        otherwise=("EINVAL",),
    ),
    calls("join a namespace", "setns", "0", "0", otherwise=("EINVAL",)),
    Attack(
        "join the namespace of the host by its handle",
        """
        handle = syscall("pidfd_open", host["pid"], 0)
        syscall("setns", handle, 0x40000000)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid", "capabilities"),
        who="root",
    ),
    Attack(
        "mount with the new calls in a user namespace",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        fs = syscall("fsopen", b"tmpfs", 0)
        syscall("fsconfig", fs, 6, 0, 0, 0)  # FSCONFIG_CMD_CREATE
        mount = syscall("fsmount", fs, 0, 0)
        syscall("move_mount", mount, b"", -100, b"/dev", 4)
        result = True
        """,
        _IN_USER_NAMESPACE,
    ),
    Attack(
        "bind a folder over another",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        there = host["granted"].encode()
        syscall("mount", host["ground"].encode(), there, 0, 0x1000, 0)
        result = True
        """,
        _IN_USER_NAMESPACE,
        job={"read": ["granted"]},
    ),
    Attack(
        "take a mount down",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        syscall("umount2", b"/proc", 2)
        """,
        # The kernel looks at the mount before it asks Landlock.
        ("seccomp",),
        otherwise=("EINVAL",),
    ),
    Attack(
        "change the root of the mounts",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        syscall("pivot_root", b"/", b"/")
        """,
        _IN_USER_NAMESPACE,
        otherwise=("EINVAL", "EBUSY"),
    ),
    Attack(
        "copy the mounts",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        result = syscall("open_tree", -100, b"/", 1 | 0x8000) >= 0
        """,
        ("seccomp",),
        otherwise=("EINVAL",),
    ),
    Attack(
        "make a file system without mounting it",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        fs = syscall("fsopen", b"tmpfs", 0)
        syscall("fsconfig", fs, 6, 0, 0, 0)
        result = syscall("fsmount", fs, 0, 0) >= 0
        """,
        ("seccomp",),
    ),
    Attack(
        "change the root folder",
        "import os; os.chroot('/'); result = True",
        **_ROOT,
    ),
    Attack(
        "change the root folder in a user namespace",
        "import os; syscall('unshare', 0x10000000); os.chroot('/'); result = True",
        ("seccomp",),
    ),
    calls(
        "mount as root",
        "mount",
        "b'x'",
        "b'/dev'",
        "b'nosuchfs'",
        "0",
        "0",
        held_by=("seccomp", "landlock", "capabilities"),
        root_held_by=("uid",),
        who="root",
        otherwise=("ENODEV",),
    ),
    calls(
        "pick a file system",
        "fspick",
        "-100",
        "b'/dev'",
        "0",
        **_ROOT,
        otherwise=("EINVAL",),
    ),
    calls(
        "change a mount's attributes",
        "mount_setattr",
        "-100",
        "b'/'",
        "0",
        "bytes(32)",
        "32",
        held_by=("seccomp",),
        root_held_by=("capabilities", "uid"),
        who="root",
        otherwise=("EINVAL",),
    ),
    calls(
        "change quotas",
        "quotactl",
        "0x80000700 | 0xff",
        "b'/dev/null'",
        "0",
        "0",
        otherwise=("EINVAL", "ENOTBLK", "ENODEV", "ENOSYS"),
        who="root",
        also_off=("capabilities", "uid"),
    ),
)
