"""Other processes: signals, tracing, limits, clocks."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, calls, knocks

__all__ = ["ATTACKS"]

_ANOTHER: dict[str, Any] = {
    "held_by": ("seccomp", "landlock"),
    "root_held_by": ("uid",),
}
_TRACED: dict[str, Any] = {
    "root_held_by": ("uid", "capabilities"),
    "user_held_by": ("user-namespace",),
}

ATTACKS = (
    Attack(
        "send a signal to the host",
        "import os, signal; os.kill(host['pid'], signal.SIGURG); result = True",
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    Attack(
        "trace the host",
        "syscall('ptrace', 0x4206, host['pid'], 0, 0); result = True",
        ("seccomp", "landlock"),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "read the host's memory",
        """
        import ctypes
        target = ctypes.create_string_buffer(b"x" * 16)
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        # The child was forked, so its own buffer's address exists there too.
        mine = Vector(ctypes.addressof(target), 16)
        theirs = Vector(id(host), 16)
        result = syscall("process_vm_readv", host["pid"], ctypes.byref(mine), 1,
                         ctypes.byref(theirs), 1, 0)
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "change the host's limits",
        """
        import resource
        old = resource.prlimit(host["pid"], resource.RLIMIT_NOFILE)
        resource.prlimit(host["pid"], resource.RLIMIT_NOFILE, old)
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "slow the host down",
        """
        import os
        now = os.getpriority(os.PRIO_PROCESS, host["pid"])
        os.setpriority(os.PRIO_PROCESS, host["pid"], now)
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid", "capabilities"),
    ),
    Attack(
        "become traceable",
        "syscall('prctl', 4, 1, 0, 0, 0); result = True",
        ("seccomp",),
    ),
    Attack(
        "outlive its parent",
        "syscall('prctl', 1, 0, 0, 0, 0); result = True",
        ("seccomp",),
    ),
    Attack(
        "send a signal to the host's process group",
        "import os, signal; os.killpg(host['pid'], signal.SIGURG); result = True",
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    # Signal 0 only asks: with the layers off it would reach everybody.
    Attack(
        "send a signal to everybody",
        "import os; os.kill(-1, 0); result = True",
        ("seccomp",),
        also_off=("landlock", "uid"),
        # The call says nothing of those that it may not reach, who are all others.
        reach=("programs",),
    ),
    Attack(
        "send a signal to its parent",
        "import os; os.kill(os.getppid(), 0); result = True",
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    calls(
        "send a signal to a thread of the host",
        "tgkill",
        "host['pid']",
        "host['pid']",
        "23",
        **_ANOTHER,
    ),
    calls(
        "send a signal to the host's thread alone",
        "tkill",
        "host['pid']",
        "23",
        **_ANOTHER,
    ),
    Attack(
        "queue a signal with a value for the host",
        """
        import struct
        told = struct.pack("iii", 23, 0, -1) + bytes(116)  # SIGURG, SI_QUEUE
        syscall("rt_sigqueueinfo", host["pid"], 23, told)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    Attack(
        "queue a signal for a thread of the host",
        """
        import struct
        told = struct.pack("iii", 23, 0, -1) + bytes(116)
        syscall("rt_tgsigqueueinfo", host["pid"], host["pid"], 23, told)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    Attack(
        "send a signal by a handle of the host",
        """
        handle = syscall("pidfd_open", host["pid"], 0)
        syscall("pidfd_send_signal", handle, 23, 0, 0)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid",),
    ),
    calls("take a handle of the host", "pidfd_open", "host['pid']", "0"),
    Attack(
        "take a descriptor out of the host",
        """
        import os
        handle = syscall("pidfd_open", host["pid"], 0)
        result = os.pread(syscall("pidfd_getfd", handle, host["inherited"], 0), 100, 0)
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "have the kernel send signals to the host",
        """
        import fcntl, os
        reader, writer = os.pipe()
        fcntl.fcntl(reader, fcntl.F_SETOWN, host["pid"])
        fcntl.fcntl(reader, fcntl.F_SETSIG, 23)
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
        os.write(writer, b"x")
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "have the kernel send signals to a thread of the host",
        """
        import fcntl, os, struct
        reader, _ = os.pipe()
        fcntl.fcntl(reader, 15, struct.pack("ii", 0, host["pid"]))  # F_SETOWN_EX
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "have a socket send signals to the host",
        """
        import fcntl, socket, struct
        mine, _ = socket.socketpair()
        fcntl.ioctl(mine, 0x8901, struct.pack("i", host["pid"]))  # FIOSETOWN
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "have a socket send signals to the host's group",
        """
        import fcntl, socket, struct
        mine, _ = socket.socketpair()
        fcntl.ioctl(mine, 0x8902, struct.pack("i", -host["pid"]))  # SIOCSPGRP
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "have a descriptor send signals to whom it likes",
        """
        import fcntl, os
        reader, _ = os.pipe()
        fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "have a descriptor send signals by a control",
        """
        import fcntl, os, struct
        fcntl.ioctl(os.pipe()[0], 0x5452, struct.pack("i", 1))  # FIOASYNC
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "choose the signal that a descriptor sends",
        "import fcntl, os; fcntl.fcntl(os.pipe()[0], 10, 9); result = True",
        ("seccomp",),
    ),
    calls("be traced by its parent", "ptrace", "0", "0", "0", "0"),
    Attack(
        "write the host's memory",
        """
        import ctypes, sys
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        # Over a text that the host has at the same address, what it says already.
        text = host["secret"]
        size = len(text)
        there = Vector(id(text) + sys.getsizeof(text) - size - 1, size)
        room = ctypes.create_string_buffer(text.encode())
        result = syscall("process_vm_writev", host["pid"],
                         ctypes.byref(Vector(ctypes.addressof(room), size)), 1,
                         ctypes.byref(there), 1, 0) == size
        """,
        ("seccomp", "landlock"),
        **_TRACED,
    ),
    calls(
        "compare descriptors with the host's",
        "kcmp",
        "host['pid']",
        "__import__('os').getpid()",
        "0",
        "0",
        "0",
        held_by=("seccomp", "landlock"),
        absent=("ENOSYS",),
        **_TRACED,
    ),
    Attack(
        "advise about the host's memory",
        """
        import ctypes
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        handle = syscall("pidfd_open", host["pid"], 0)
        page = Vector(id(host) & ~4095, 4096)
        # MADV_COLD: of what memory there is little of, this is given up first
        result = syscall("process_madvise", handle, ctypes.byref(page), 1, 20, 0)
        """,
        # CAP_PERFMON looks past Landlock here (Linux 6.16), so it holds it not alone.
        ("seccomp", "capabilities"),
        root_held_by=("uid",),
        also_off=("landlock",),
        who="root",
    ),
    Attack(
        "reap another process's memory",
        knocks(
            """
            import errno, mmap, os, signal
            knock("EBADF", "process_mrelease", -1, 0)
            room = mmap.mmap(-1, 16 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            room.write(bytes(16 << 20))  # takes the kernel a while to take away
            for _ in range(100):
                pid = os.fork()
                if not pid:
                    signal.pause()
                handle = syscall("pidfd_open", pid, 0)
                os.kill(pid, signal.SIGKILL)
                try:
                    result = syscall("process_mrelease", handle, 0) == 0
                    break
                except OSError as error:
                    if error.errno != errno.ESRCH:  # it was gone already
                        raise
                finally:
                    os.waitpid(pid, 0)
            """
        ),
        ("seccomp",),
        also_off=("process-limit",),
        absent=("ENOSYS",),
    ),
    Attack(
        "read the host's list of locks",
        """
        import ctypes
        at, size = ctypes.c_void_p(), ctypes.c_size_t()
        syscall("get_robust_list", host["pid"], ctypes.byref(at), ctypes.byref(size))
        result = True
        """,
        ("seccomp", "landlock"),
        **_TRACED,
    ),
    *(
        calls(
            f"{what} the host's pages",
            f"{what}_pages",
            "host['pid']",
            *given,
            held_by=("seccomp", "landlock"),
            absent=("ENOSYS",),
            **_TRACED,
        )
        # Those on the first node go to where they are; without a list it is nowhere.
        for what, given in (
            ("move", ["0"] * 5),
            ("migrate", ["64", *["b'\\1' + bytes(7)"] * 2]),
        )
    ),
    calls(
        "pin the host to a processor",
        "sched_setaffinity",
        "host['pid']",
        "128",
        "b'\\xff' * 128",
        root_held_by=("uid", "capabilities"),
    ),
    Attack(
        "make the host yield",
        """
        import os
        os.sched_setscheduler(host["pid"], os.SCHED_OTHER, os.sched_param(0))
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid", "capabilities"),
    ),
    Attack(
        "make the host's reads wait",
        "syscall('ioprio_set', 1, host['pid'], 4 | 2 << 13); result = True",
        ("seccomp",),
        root_held_by=("uid", "capabilities"),
    ),
    Attack(
        "slow down a whole user",
        knocks(
            """
            import os
            knock("ESRCH", "setpriority", os.PRIO_USER, (1 << 31) - 9, 19)
            # The real user's processes are left alone: this one is in a namespace
            # where it is the only one.
            syscall("unshare", 0x10000000 | 0x20000000)  # user, process
            pid = os.fork()
            if not pid:
                try:
                    syscall("setpriority", os.PRIO_USER, 0, 19)
                    os._exit(os.getpriority(os.PRIO_PROCESS, 0))
                finally:
                    os._exit(70)
            result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 19
            """
        ),
        ("seccomp",),
        also_off=("process-limit",),
    ),
    Attack(
        "measure the host's work to the nanosecond",
        "import time; result = time.clock_gettime((~host['pid'] << 3) | 2)",
        ("seccomp",),
        says="EINVAL",
    ),
    calls("keep orphans from their keeper", "prctl", "36", "1", "0", "0", "0"),
    calls(
        "let anybody trace it",
        "prctl",
        "0x59616d61",
        "-1",
        "0",
        "0",
        "0",
        absent=("EINVAL",),  # without Yama
    ),
)
