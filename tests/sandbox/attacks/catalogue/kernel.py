"""Parts of the kernel that attackers like."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Answer, Attack, calls, knocks

__all__ = ["ATTACKS"]

ATTACKS = (
    calls(
        "use the keyring",
        "keyctl",
        "0",
        "-3",
        "1",
        "0",
        "0",
        absent=("ENOSYS",),
    ),
    calls("switch off address randomisation", "personality", "0x0040000"),
    Attack(
        "leave its cgroup",
        """
        import os
        groups = [line.strip().split(":", 2) for line in open("/proc/self/cgroup")]
        path = dict((names, path) for _, names, path in groups).get("pids", "none")
        open(f"/sys/fs/cgroup/pids{path}/cgroup.procs", "w").write("0")
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        who="root",
        absent=("ENOENT",),  # no version 1 of control groups
    ),
    calls("handle its own page faults", "userfaultfd", "1", absent=("ENOSYS",)),
    Attack(
        "count the processor's events",
        """
        import os, struct
        # PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, of user space only
        asked = struct.pack("IIQQQQQ", 1, 128, 1, 0, 0, 0, 1 << 5 | 1 << 6)
        count = syscall("perf_event_open", asked.ljust(128, b"\\0"), 0, -1, -1, 0)
        while not struct.unpack("Q", os.read(count, 8))[0]:
            pass
        result = True
        """,
        ("seccomp",),
        absent=("ENOSYS", "EACCES"),  # kernel.perf_event_paranoid above 2
    ),
    calls(
        "add a key",
        "add_key",
        "b'user'",
        "b'lockgate'",
        "b'x'",
        "1",
        "-1",
        absent=("ENOSYS",),
    ),
    Attack(
        "ask for a key",
        knocks(
            """
            knock("ENOKEY", "request_key", b"user", b"lockgate-none", 0, -1)
            mine = syscall("add_key", b"user", b"lockgate", b"x", 1, -2)  # process's
            result = syscall("request_key", b"user", b"lockgate", 0, 0) == mine
            """
        ),
        ("seccomp",),
        absent=("ENOSYS",),
    ),
    calls(
        "describe the session's keys",
        "keyctl",
        "6",
        "-3",
        "0",
        "0",
        "0",
        absent=("ENOSYS",),
    ),
    calls(
        "change segment tables",
        "modify_ldt",
        "0",
        "__import__('ctypes').create_string_buffer(64)",
        "64",
        machine="x86_64",
        absent=("ENOSYS",),
    ),
    calls(
        "count file systems",
        "sysfs",
        "3",
        "0",
        "0",
        machine="x86_64",
        absent=("ENOSYS",),
    ),
    calls(
        "make a Landlock ruleset",
        "landlock_create_ruleset",
        "0",
        "0",
        "1",
        says="ENOSYS",
    ),
    calls(
        "change what uid 0 means",
        "prctl",
        "28",
        "0",
        "0",
        "0",
        "0",
        held_by=("seccomp", "capabilities"),
        root_held_by=("uid",),
        who="root",
    ),
    calls("keep capabilities through execve", "prctl", "47", "4", "0", "0", "0"),
    # PR_SET_MM_MAP_SIZE: what anybody may ask before rewriting all of it.
    calls(
        "rewrite what /proc shows of it",
        "prctl",
        "35",
        "15",
        "(__import__('ctypes').c_uint * 1)()",
        "0",
        "0",
        absent=("EINVAL",),  # without CONFIG_CHECKPOINT_RESTORE
    ),
    Attack(
        "keep the other half of a processor's core idle",
        """
        import ctypes
        told = ctypes.c_uint64()
        syscall("prctl", 62, 1, 0, 0, 0)  # PR_SCHED_CORE_CREATE, for itself
        syscall("prctl", 62, 0, 0, 0, ctypes.byref(told))
        result = told.value
        """,
        ("seccomp",),
        answer=Answer("the kernel looks for a core with two halves", ("ENODEV",)),
        absent=("EINVAL",),  # without CONFIG_SCHED_CORE
    ),
    calls(
        "make a large futex table",
        "prctl",
        "78",
        "1",
        "16",
        "0",
        "0",
        says="EINVAL",
        kernel=(6, 17),
    ),
    Attack(
        "move memory into a pipe without copying",
        """
        import ctypes, os
        room = ctypes.create_string_buffer(4096)
        _, writer = os.pipe()
        class Vector(ctypes.Structure):
            _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
        piece = Vector(ctypes.addressof(room), 4096)
        result = syscall("vmsplice", writer, ctypes.byref(piece), 1, 0)
        """,
        ("seccomp",),
    ),
    Attack(
        "rearrange mapped pages",
        knocks(
            """
            import ctypes, mmap
            knock("EINVAL", "remap_file_pages", 0, 0, 0, 0, 0)
            room = mmap.mmap(-1, 2 * mmap.PAGESIZE)
            room[mmap.PAGESIZE] = 7
            at = ctypes.addressof(ctypes.c_char.from_buffer(room))
            syscall("remap_file_pages", at, mmap.PAGESIZE, 0, 1, 0)
            result = room[0] == 7
            """
        ),
        ("seccomp",),
    ),
    Attack(
        "run before everybody else",
        """
        import os
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        result = True
        """,
        ("capabilities",),
        root_held_by=("uid",),
        who="root",
    ),
    Attack(
        "become another user",
        "import os; os.setuid(12345); result = True",
        ("capabilities",),
        root_held_by=("uid",),
        who="root",
    ),
)
