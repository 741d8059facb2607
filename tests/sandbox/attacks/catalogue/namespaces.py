"""Namespaces and mounts: another view of the machine."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, calls, knocks

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


def _cloned(name: str, flags: int, **fields: Any) -> Attack:
    """A process that begins in a namespace of its own, by who may start processes."""
    code = f"""
        import os
        pid = syscall("clone", {flags:#x} | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """
    job = {"programs": ["/bin/true"]}
    return Attack(name, code, tier="elevated", job=job, **fields)


ATTACKS = (
    Attack(
        "make a user namespace",
        "syscall('unshare', 0x10000000); result = True",
        ("seccomp",),
    ),
    _cloned("make a user namespace with clone", 0x10000000, held_by=("seccomp",)),
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
        says="ENOSYS",
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
        says="ENOSYS",
    ),
    *(
        _cloned(f"make a new {name} namespace with clone", flag, **_ROOT)
        for name, flag in _NAMES.items()
        if name != "time"  # clone has no flag for it
    ),
    # The kernel cuts what does not fit: a filter has to do so, too.
    _cloned(
        "hide a namespace flag in a dirty upper half",
        1 << 40 | 0x10000000,
        held_by=("seccomp",),
    ),
    Attack(
        "join a namespace",
        knocks(
            """
            import os
            knock("EINVAL", "setns", 0, 0)  # /dev/null is none
            syscall("unshare", 0x10000000 | 0x04000000)  # user, UTS
            name = os.readlink("/proc/self/ns/uts")
            first = os.open("/proc/self/ns/uts", os.O_RDONLY)
            syscall("unshare", 0x04000000)
            left = os.readlink("/proc/self/ns/uts") != name
            syscall("setns", first, 0)
            result = left and os.readlink("/proc/self/ns/uts") == name
            """
        ),
        ("seccomp",),
        also_off=("landlock",),
    ),
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
        knocks(
            """
            import os
            knock("EINVAL", "umount2", b"/", 1 << 20)
            syscall("unshare", 0x10000000 | 0x20000)
            there = host["granted"].encode()
            syscall("mount", b"x", there, b"tmpfs", 0, 0)
            hidden = not os.path.exists(host["stream"])
            syscall("umount2", there, 2)
            result = hidden and os.path.exists(host["stream"])
            """
        ),
        ("seccomp",),
        # It lets nobody mount what could be taken down then.
        also_off=("landlock",),
    ),
    Attack(
        "change the root of the mounts",
        """
        import os
        syscall("unshare", 0x10000000 | 0x20000)
        there = host["granted"].encode()
        syscall("mount", b"x", there, b"tmpfs", 0, 0)
        os.chdir(there)
        syscall("pivot_root", b".", b".")  # the old one over the new, to be let go
        syscall("umount2", b".", 2)
        result = os.listdir("/") == []
        """,
        _IN_USER_NAMESPACE,
    ),
    Attack(
        "copy the mounts",
        """
        syscall("unshare", 0x10000000 | 0x20000)
        result = syscall("open_tree", -100, b"/", 1 | 0x8000) >= 0
        """,
        ("seccomp",),
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
    Attack(
        "mount as root",
        knocks(
            """
            import os
            knock("ENODEV", "mount", b"x", b"/dev", b"nosuchfs", 0, 0)
            syscall("unshare", 0x20000)  # CLONE_NEWNS
            syscall("mount", b"x", b"/", 0, 1 << 18 | 1 << 14, 0)  # private, and below
            syscall("mount", b"x", host["granted"].encode(), b"tmpfs", 0, 0)
            result = os.listdir(host["granted"]) == []
            """
        ),
        ("seccomp", "landlock", "capabilities"),
        root_held_by=("uid",),
        who="root",
        job={"read": ["granted"]},
    ),
    calls(
        "pick a file system",
        "fspick",
        "-100",
        "b'/dev'",
        "0",
        **_ROOT,
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
    ),
)
