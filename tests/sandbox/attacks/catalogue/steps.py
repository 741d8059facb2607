"""Single steps of longer attacks: each is refused, even to who is as far already.

Elsewhere a layer that refuses an early step hides what it makes of the later ones.
"""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Answer, Attack, calls

__all__ = ["ATTACKS"]

_ADMIN: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
}
_ANOTHER: dict[str, Any] = {
    "held_by": ("seccomp",),
    "root_held_by": ("uid", "capabilities"),
}

_NONE = "the kernel looks for what the number or name stands for, and there is none"
_ASKED = "the kernel looks at what it is asked for, and that is nothing"

_ROOM = "__import__('ctypes').create_string_buffer(64)"
_KEY = "0x6c6f636b"  # nobody has made anything by it
_CLOCK = "(~host['pid'] << 3) | 2"  # the CPU time of all its threads


def _of_nothing(name: str, call: str, *args: str, said: str, **fields: Any) -> Attack:
    """A call on what is not there, or for nothing that there is."""
    why = _NONE if said in ("EBADF", "ENOENT") else _ASKED
    fields.setdefault("absent", ("ENOSYS",))
    return calls(name, call, *args, answer=Answer(why, (said,)), **fields)


ATTACKS = (
    # Files and what is told of them.
    Attack(
        "open a file in a way that no filter can read",
        """
        import os, struct
        asked = struct.pack("QQQ", os.O_RDONLY, 0, 0)
        result = syscall("openat2", -100, os.__file__.encode(), asked, 24) >= 0
        """,
        ("seccomp",),
        says="ENOSYS",
    ),
    Attack(
        "read what a link is told to come from",
        """
        import os
        told = os.getxattr(host["secret"], "user.x", follow_symlinks=False)
        result = told == b"told"
        """,
        ("seccomp",),
        says="ENOTSUP",
        absent=("ENODATA", "ENOTSUP"),
    ),
    Attack(
        "list the attributes of a link",
        """
        import os
        result = "user.x" in os.listxattr(host["secret"], follow_symlinks=False)
        """,
        ("seccomp",),
        says="ENOTSUP",
        absent=("ENOTSUP",),
    ),
    Attack(
        "ask how full a disk is, by its number",
        f"import os; syscall('ustat', os.stat('/').st_dev, {_ROOM}); result = True",
        ("seccomp",),
        machine="x86_64",
        absent=("ENOSYS", "EINVAL"),
    ),
    calls("prepare to watch folders", "inotify_init1", "0"),
    calls("prepare to watch folders as of old", "inotify_init", machine="x86_64"),
    _of_nothing(
        "watch by a watch that it was given",
        "inotify_add_watch",
        "-1",
        "b'/'",
        "1",
        said="EBADF",
    ),
    _of_nothing(
        "mark what a watch is to tell",
        "fanotify_mark",
        "-1",
        "1",
        "1",
        "-100",
        "b'/'",
        said="EBADF",
    ),
    # Mounts.
    calls("take hold of a file system", "open_tree", "-100", "b'/'", "0"),
    calls("prepare a file system", "fsopen", "b'tmpfs'", "0", **_ADMIN),
    _of_nothing(
        "set up a file system that it was given",
        "fsconfig",
        "-1",
        "6",
        "0",
        "0",
        "0",
        said="EINVAL",
    ),
    _of_nothing(
        "mount a file system that it was given",
        "fsmount",
        "-1",
        "0",
        "0",
        said="EBADF",
        **_ADMIN,
    ),
    _of_nothing(
        "move a mount that it was given",
        "move_mount",
        "-1",
        "0",
        "-1",
        "0",
        "0xffff",
        said="EINVAL",
        **_ADMIN,
    ),
    _of_nothing(
        "turn the mounts round", "pivot_root", "0", "0", said="EFAULT", **_ADMIN
    ),
    _of_nothing(
        "change quotas by a file that it was given",
        "quotactl_fd",
        "-1",
        "0",
        "0",
        "0",
        said="EBADF",
    ),
    # Other processes.
    Attack(
        "send a signal by the host's folder in /proc",
        """
        import os
        handle = os.open(f"/proc/{host['pid']}", os.O_RDONLY | os.O_DIRECTORY)
        syscall("pidfd_send_signal", handle, 0, 0, 0)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    _of_nothing(
        "take a descriptor by a handle that it was given",
        "pidfd_getfd",
        "-1",
        "0",
        "0",
        said="EBADF",
    ),
    _of_nothing(
        "advise by a handle that it was given",
        "process_madvise",
        "-1",
        "0",
        "0",
        "0",
        "1",
        said="EINVAL",
    ),
    Attack(
        "lead a process group of its own",
        "import os; os.setpgid(0, 0); result = os.getpgid(0) == os.getpid()",
        ("seccomp", "session"),
    ),
    Attack(
        "lead a session of its own",
        "import os; os.setsid(); result = os.getsid(0) == os.getpid()",
        ("seccomp", "session"),
    ),
    Attack(
        "name the host as who is to be signalled",
        """
        import fcntl, os
        reader, _ = os.pipe()
        fcntl.fcntl(reader, fcntl.F_SETOWN, host["pid"])
        result = fcntl.fcntl(reader, fcntl.F_GETOWN) == host["pid"]
        """,
        ("seccomp",),
    ),
    Attack(
        "set how the host is scheduled",
        "syscall('sched_setparam', host['pid'], bytes(4)); result = True",
        **_ANOTHER,
    ),
    Attack(
        "set all of how the host is scheduled",
        """
        import struct
        as_it_is = struct.pack("IIQ", 48, 0, 0x18).ljust(48, b"\\0")
        syscall("sched_setattr", host["pid"], as_it_is, 0)
        result = True
        """,
        **_ANOTHER,
    ),
    calls(
        "ask how finely the host's work is told",
        "clock_getres",
        _CLOCK,
        "0",
        says="EINVAL",
    ),
    calls(
        "sleep until the host has worked",
        "clock_nanosleep",
        _CLOCK,
        "1",
        "bytes(16)",
        "0",
        says="EINVAL",
    ),
    calls(
        "be woken by the host's work",
        "timer_create",
        _CLOCK,
        "0",
        _ROOM,
        says="EINVAL",
    ),
    _of_nothing(
        "add to rules that it was given",
        "landlock_add_rule",
        "-1",
        "1",
        "bytes(16)",
        "0",
        said="EBADF",
        says="ENOSYS",
    ),
    # System V and POSIX, what others have made.
    _of_nothing("find a segment", "shmget", _KEY, "0", "0", said="ENOENT"),
    _of_nothing("map a segment", "shmat", "-1", "0", "0", said="EINVAL"),
    _of_nothing("remove a segment", "shmctl", "-1", "0", "0", said="EINVAL"),
    _of_nothing("find a queue", "msgget", _KEY, "0", said="ENOENT"),
    _of_nothing("send to a queue", "msgsnd", "-1", _ROOM, "1", "0", said="EINVAL"),
    _of_nothing(
        "read from a queue", "msgrcv", "-1", _ROOM, "1", "0", "0", said="EINVAL"
    ),
    _of_nothing("remove a queue", "msgctl", "-1", "0", "0", said="EINVAL"),
    _of_nothing("find semaphores", "semget", _KEY, "0", "0", said="ENOENT"),
    _of_nothing("wait for semaphores", "semop", "-1", _ROOM, "1", said="EINVAL"),
    _of_nothing(
        "wait a while for semaphores",
        "semtimedop",
        "-1",
        _ROOM,
        "1",
        "0",
        said="EINVAL",
    ),
    _of_nothing("remove semaphores", "semctl", "-1", "0", "0", "0", said="EINVAL"),
    _of_nothing(
        "open a POSIX queue",
        "mq_open",
        "b'lockgate-none'",
        "0",
        "0",
        "0",
        said="ENOENT",
    ),
    _of_nothing("remove a POSIX queue", "mq_unlink", "b'lockgate-none'", said="ENOENT"),
    _of_nothing(
        "send to a POSIX queue",
        "mq_timedsend",
        "-1",
        _ROOM,
        "1",
        "0",
        "0",
        said="EBADF",
    ),
    _of_nothing(
        "read from a POSIX queue",
        "mq_timedreceive",
        "-1",
        _ROOM,
        "1",
        "0",
        "0",
        said="EBADF",
    ),
    _of_nothing("be told of a POSIX queue", "mq_notify", "-1", "0", said="EBADF"),
    _of_nothing(
        "set up a POSIX queue", "mq_getsetattr", "-1", "0", _ROOM, said="EBADF"
    ),
)
