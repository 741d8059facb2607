"""Parts of the kernel that attackers like, and a machine's own state."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, calls

__all__ = ["ATTACKS"]

# As root with every layer off these would do what they say, so each one is asked
# for something that the kernel refuses only after it has looked at the rights.
_ADMIN: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
}

ATTACKS = (
    Attack(
        "set up io_uring",
        """
        import ctypes
        parameters = ctypes.create_string_buffer(120)
        result = syscall("io_uring_setup", 1, parameters) >= 0
        """,
        ("seccomp",),
        otherwise=("ENOSYS",),
    ),
    Attack(
        "load a BPF map",
        """
        import ctypes, struct
        array = struct.pack("5I", 2, 4, 4, 1, 0)  # BPF_MAP_TYPE_ARRAY, one element
        result = syscall("bpf", 0, ctypes.create_string_buffer(array, 72), 72) >= 0
        """,
        ("seccomp", "capabilities"),
        root_held_by=("uid",),
        who="root",
        otherwise=("EINVAL", "ENOSYS"),
    ),
    Attack(
        "use the keyring",
        "result = syscall('keyctl', 0, -3, 1, 0, 0)",
        ("seccomp",),
        otherwise=("ENOSYS",),
    ),
    Attack(
        "switch off address randomisation",
        "syscall('personality', 0x0040000); result = True",
        ("seccomp",),
    ),
    Attack(
        "leave its cgroup",
        """
        import os
        for line in open("/proc/self/cgroup"):
            _, names, path = line.strip().split(":", 2)
            if names == "pids":
                open(f"/sys/fs/cgroup/pids{path}/cgroup.procs", "w").write("0")
                result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        who="root",
        otherwise=("ENOENT",),
    ),
    calls(
        "enter io_uring",
        "io_uring_enter",
        "-1",
        "0",
        "0",
        "0",
        "0",
        "0",
        otherwise=("EBADF", "ENOSYS"),
    ),
    calls(
        "register with io_uring",
        "io_uring_register",
        "-1",
        "0",
        "0",
        "0",
        otherwise=("EBADF", "EINVAL", "ENOSYS"),
    ),
    calls(
        "use the older asynchronous calls",
        "io_setup",
        "1",
        "(__import__('ctypes').c_uint64 * 1)()",
        otherwise=("ENOSYS",),
    ),
    calls("handle its own page faults", "userfaultfd", "1", otherwise=("ENOSYS",)),
    calls(
        "count the processor's events",
        "perf_event_open",
        "bytes(128)",
        "0",
        "-1",
        "-1",
        "0",
        otherwise=("EACCES", "ENOENT", "EINVAL", "E2BIG", "EOPNOTSUPP", "ENOSYS"),
    ),
    calls(
        "load a BPF program",
        "bpf",
        "5",
        "bytes(128)",
        "128",
        otherwise=("EINVAL", "E2BIG", "EFAULT", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "add a key",
        "add_key",
        "b'user'",
        "b'lockgate'",
        "b'x'",
        "1",
        "-1",
        otherwise=("ENOSYS",),
    ),
    calls(
        "ask for a key",
        "request_key",
        "b'user'",
        "b'lockgate-none'",
        "0",
        "-1",
        otherwise=("ENOKEY", "ENOSYS"),
    ),
    calls(
        "describe the session's keys",
        "keyctl",
        "6",
        "-3",
        "0",
        "0",
        "0",
        otherwise=("ENOKEY", "ENOSYS"),
    ),
    calls(
        "load a kernel module",
        "init_module",
        "b''",
        "0",
        "b''",
        otherwise=("ENOEXEC", "EINVAL", "EFAULT", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "load a kernel module from a file",
        "finit_module",
        "0",
        "b''",
        "0xff00",
        otherwise=("EINVAL", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "remove a kernel module",
        "delete_module",
        "b'lockgate-none'",
        "0x800",
        otherwise=("ENOENT", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "load another kernel",
        "kexec_load",
        "0",
        "0",
        "0",
        "0xff",
        otherwise=("EINVAL", "EADDRNOTAVAIL", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "load another kernel from a file",
        "kexec_file_load",
        "-1",
        "-1",
        "0",
        "0",
        "0xff00",
        otherwise=("EINVAL", "EBADF", "ENOSYS"),
        **_ADMIN,
    ),
    calls(
        "restart the machine",
        "reboot",
        "0",
        "0",
        "0",
        "0",
        otherwise=("EINVAL",),
        **_ADMIN,
    ),
    calls(
        "use a file as swap",
        "swapon",
        "b'/lockgate-none'",
        "0",
        otherwise=("ENOENT",),
        **_ADMIN,
    ),
    calls(
        "stop using swap",
        "swapoff",
        "b'/lockgate-none'",
        otherwise=("ENOENT",),
        **_ADMIN,
    ),
    calls(
        "account for processes",
        "acct",
        "b'/lockgate-none/x'",
        otherwise=("ENOENT", "ENOTDIR", "ENOSYS"),
        **_ADMIN,
    ),
    calls("hang up its terminal", "vhangup", **_ADMIN),
    calls(
        "name the machine", "sethostname", "b''", "-1", otherwise=("EINVAL",), **_ADMIN
    ),
    calls(
        "name the machine's domain",
        "setdomainname",
        "b''",
        "-1",
        otherwise=("EINVAL",),
        **_ADMIN,
    ),
    calls(
        "set the clock",
        "clock_settime",
        "0",
        "__import__('struct').pack('qq', 0, -1)",
        held_by=("seccomp",),
        otherwise=("EINVAL",),
    ),
    calls(
        "set the time of day",
        "settimeofday",
        "__import__('struct').pack('qq', 0, -1)",
        "0",
        held_by=("seccomp",),
        otherwise=("EINVAL",),
    ),
    calls(
        "tune the clock",
        "adjtimex",
        "__import__('struct').pack('I204x', 0)",
        held_by=("seccomp",),
    ),
    calls(
        "tune a clock",
        "clock_adjtime",
        "0",
        "__import__('struct').pack('I204x', 0)",
        held_by=("seccomp",),
    ),
    calls("read the kernel's log", "syslog", "10", "0", "0", **_ADMIN),
    calls(
        "reach the hardware's ports",
        "iopl",
        "0",
        machine="x86_64",
        otherwise=("ENOSYS",),
    ),
    calls(
        "reach one of the hardware's ports",
        "ioperm",
        "0x80",
        "1",
        "0",
        machine="x86_64",
        otherwise=("ENOSYS",),
    ),
    calls(
        "change segment tables",
        "modify_ldt",
        "0",
        "__import__('ctypes').create_string_buffer(64)",
        "64",
        machine="x86_64",
        otherwise=("ENOSYS",),
    ),
    calls(
        "count file systems",
        "sysfs",
        "3",
        "0",
        "0",
        machine="x86_64",
        otherwise=("ENOSYS",),
    ),
    calls("write all disks", "syncfs", "__import__('os').pipe()[0]"),
    calls("put a filter on itself", "seccomp", "1", "0", "0", otherwise=("EFAULT",)),
    calls(
        "put a filter on itself by the older way",
        "prctl",
        "22",
        "2",
        "0",
        "0",
        "0",
        otherwise=("EFAULT",),
    ),
    calls("make a Landlock ruleset", "landlock_create_ruleset", "0", "0", "1"),
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
        otherwise=("EINVAL",),
    ),
    calls(
        "make a large futex table",
        "prctl",
        "78",
        "1",
        "16",
        "0",
        "0",
        held_by=("seccomp",),
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
    calls(
        "rearrange mapped pages",
        "remap_file_pages",
        "0",
        "0",
        "0",
        "0",
        "0",
        otherwise=("EINVAL",),
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
    Attack(
        "gain a right by a program's file mode",
        "import ctypes; result = ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 0",
        ("no-new-privs",),
        also_off=("seccomp", "landlock", "process-limit"),
    ),
)
