"""The attacks, as data: what is tried, and which layers each hold it alone.

An attack's code runs in a sealed child with `host` (what there is to attack)
and `syscall`. It succeeds if it sets `result` to something true. `held_by`
names layers that each stop it without the others; with all of them off it must
succeed, or else end with `otherwise`, the errno that shows that the call got
past the layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["ATTACKS", "Attack"]


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack."""

    name: str
    code: str
    held_by: tuple[str, ...]
    root_held_by: tuple[str, ...] = ()
    user_held_by: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    tier: str = "read-only"
    who: Literal["all", "root", "user"] = "all"
    status: int | None = None
    job: dict[str, Any] = field(default_factory=dict[str, Any])

    def layers(self, *, root: bool) -> tuple[str, ...]:
        """The layers that each hold it, for a root or an ordinary host."""
        return self.held_by + (self.root_held_by if root else self.user_held_by)


ATTACKS = (
    Attack("read a host file", "result = open(host['secret']).read()", ("landlock",)),
    Attack(
        "read a host file through a symbolic link in a granted folder",
        "result = open(host['granted'] + '/link').read()",
        ("landlock",),
        job={"read": ["granted"]},
    ),
    Attack("list a host folder", "import os; result = os.listdir('/')", ("landlock",)),
    Attack(
        "read the host's environment",
        """
        data = open(f"/proc/{host['pid']}/environ", "rb").read()
        result = b"HOST_SECRET" in data
        """,
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "write to the host's memory through /proc",
        "result = open(f\"/proc/{host['pid']}/mem\", 'r+b')",
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "rewrite its own memory through /proc",
        "result = open('/proc/self/mem', 'r+b')",
        ("landlock",),
        root_held_by=("uid",),
        user_held_by=("no-new-privs",),
    ),
    Attack(
        "fill /dev/shm",
        """
        import os
        path = f"/dev/shm/lockgate-{os.getpid()}"
        open(path, "w").write("x")
        os.unlink(path)
        result = True
        """,
        ("landlock",),
    ),
    Attack(
        "write beside its grant",
        "import os; open(host['secret'], 'a').write('x'); result = True",
        ("landlock",),
        root_held_by=("uid",),
    ),
    Attack(
        "truncate a host file",
        "import os; os.truncate(host['secret'], 0); result = True",
        ("landlock",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's mode",
        "import os; os.chmod(host['secret'], 0o666); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's mode with the newest call",
        # fchmodat2 (452) is newer than the tables: ENOSYS, as if it were not there.
        "raw_syscall(452, -100, host['secret'].encode(), 0o666, 0); result = True",
        ("seccomp",),
        root_held_by=("uid",),
        otherwise=("ENOSYS",),
    ),
    Attack(
        "change a file's times",
        "import os; os.utime(host['secret'], (1, 1)); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's extended attributes",
        "import os; os.setxattr(host['secret'], 'user.x', b'y'); result = True",
        ("seccomp",),
        root_held_by=("uid",),
        otherwise=("ENOTSUP", "EOPNOTSUPP"),
    ),
    Attack(
        "change a file's owner",
        "import os; os.chown(host['secret'], host['uid'], -1); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "open a file by its handle",
        """
        import ctypes
        handle = (ctypes.c_uint32 * 40)(128)
        mount = ctypes.c_int()
        syscall("name_to_handle_at", -100, host["secret"].encode(),
                handle, ctypes.byref(mount), 0)
        result = True
        """,
        ("seccomp",),
        otherwise=("EOPNOTSUPP", "ENOTSUP"),
    ),
    Attack(
        "watch a host folder",
        """
        fd = syscall("inotify_init1", 0)
        syscall("inotify_add_watch", fd, host["granted"].encode(), 0xfff)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "read through an inherited descriptor",
        "import os; result = os.pread(host['inherited'], 100, 0)",
        ("fds",),
    ),
    Attack(
        "connect over TCP",
        """
        import socket
        socket.create_connection(("127.0.0.1", host["tcp"]), 5)
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    Attack(
        "listen on TCP",
        "import socket; result = socket.create_server(('127.0.0.1', 0))",
        ("seccomp", "landlock"),
    ),
    Attack(
        "send over UDP",
        """
        import socket
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        result = made.sendto(b"x", ("127.0.0.1", host["udp"]))
        """,
        ("seccomp",),
    ),
    Attack(
        "connect to an abstract unix socket",
        """
        import socket
        socket.socket(socket.AF_UNIX).connect(host["abstract"])
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    Attack(
        "connect to a unix socket in a granted folder",
        """
        import socket
        socket.socket(socket.AF_UNIX).connect(host["stream"])
        result = True
        """,
        ("seccomp",),
        job={"read": ["granted"]},
    ),
    Attack(
        "reach a unix socket through a pair of datagram sockets",
        """
        import socket
        mine, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            result = mine.sendto(b"x", host["datagram"])
        except BlockingIOError:
            result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "open a netlink socket",
        "import socket; result = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        ("seccomp",),
    ),
    Attack(
        "open a vsock socket",
        "import socket; result = socket.socket(40, socket.SOCK_STREAM)",
        ("seccomp",),
        otherwise=("EAFNOSUPPORT",),
    ),
    Attack(
        "open a packet socket",
        "import socket; result = socket.socket(17, socket.SOCK_RAW)",
        ("seccomp", "capabilities"),
        root_held_by=("uid",),
        who="root",
    ),
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
        otherwise=("EFAULT",),
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
        "fork",
        """
        import os
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "execute a program",
        "import os; os.execv('/bin/true', ['true'])",
        ("seccomp", "landlock"),
        status=0,
    ),
    Attack(
        "execute a program without a path",
        """
        import os
        fd = os.memfd_create("x", 0)
        os.write(fd, open("/bin/true", "rb").read())
        os.execve(fd, ["true"], {})
        """,
        # Landlock does not judge the memfd, but the loader that it asks for.
        ("seccomp", "landlock"),
        status=0,
    ),
    Attack(
        "make memory without a limit",
        "import os; fd = os.memfd_create('x'); result = True",
        ("seccomp",),
    ),
    Attack(
        "make shared anonymous memory without a limit",
        "import mmap; result = mmap.mmap(-1, 1 << 30)",
        ("seccomp",),
    ),
    Attack(
        "make a System V segment",
        """
        segment = syscall("shmget", 0, 4096, 0o1600)
        syscall("shmctl", segment, 0, 0)  # IPC_RMID: leave nothing behind
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "open more files than its limit",
        """
        import os
        for _ in range(200):
            os.open("/dev/null", os.O_RDONLY)
        result = True
        """,
        ("rlimits",),
    ),
    Attack(
        "use more memory than its limit",
        "result = len(bytearray(300 << 20))",
        ("rlimits",),
    ),
    Attack(
        "write a file above its limit",
        """
        import os
        with open(host["granted"] + "/big", "wb") as file:
            try:
                file.write(bytes(3 << 20))
                file.flush()
            finally:
                os.unlink(host["granted"] + "/big")
        result = True
        """,
        ("rlimits",),
        tier="elevated",
        job={
            "write": ["granted"],
            "limits": {"file_bytes": 1 << 20, "output_bytes": 0},
        },
    ),
    Attack(
        "start more threads than its limit",
        """
        import threading
        done = threading.Event()
        made = []
        try:
            for _ in range(40):
                made.append(threading.Thread(target=done.wait))
                made[-1].start()
            result = True
        finally:
            done.set()
        """,
        ("process-limit",),
    ),
    Attack(
        "start more processes than its limit",
        """
        import os, signal
        made = []
        try:
            for _ in range(100):
                pid = os.fork()
                if not pid:
                    signal.pause()
                    os._exit(0)
                made.append(pid)
            result = True
        finally:
            for pid in made:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        """,
        ("process-limit",),
        tier="elevated",
        job={"programs": ["/bin/true"]},
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
)
