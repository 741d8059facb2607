"""Using up what a machine has: memory, descriptors, disk, queues."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]

ATTACKS = (
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
        job={"limits": {"open_files": 128}},
    ),
    Attack(
        "use more memory than its limit",
        "result = len(bytearray(300 << 20))",
        ("rlimits",),
        job={"limits": {"memory_bytes": 256 << 20}},
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
        job={"limits": {"processes": 32}},
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
        "map more memory than its limit",
        """
        import mmap
        room = mmap.mmap(-1, 300 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        result = len(room)
        """,
        ("rlimits",),
        job={"limits": {"memory_bytes": 256 << 20}},
    ),
    Attack(
        "make memory writable beyond its limit",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        size = 300 << 20
        at = libc.mmap(None, ctypes.c_size_t(size), 0, 0x22, -1, ctypes.c_long(0))
        if libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(size), 3):
            raise OSError(ctypes.get_errno(), "mprotect")
        result = True
        """,
        ("rlimits",),
        job={"limits": {"memory_bytes": 256 << 20}},
    ),
    Attack(
        "let a mapping grow downwards like a stack",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        size = 300 << 20
        at = libc.mmap(None, ctypes.c_size_t(size), 3, 0x122, -1, ctypes.c_long(0))
        if at == 2**64 - 1:
            raise OSError(ctypes.get_errno(), "mmap")
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "map more addresses than its limit",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        size = 64 << 30
        at = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, ctypes.c_long(0))
        if at == 2**64 - 1:
            raise OSError(ctypes.get_errno(), "mmap")
        result = True
        """,
        ("rlimits",),
        job={"limits": {"memory_bytes": 256 << 20}},
    ),
    Attack(
        "lock memory",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        room = ctypes.create_string_buffer(1 << 20)
        if libc.mlock(room, len(room)):
            raise OSError(ctypes.get_errno(), "mlock")
        result = True
        """,
        ("rlimits",),
        also_off=("uid", "capabilities"),
    ),
    Attack(
        "make secret memory",
        "result = syscall('memfd_secret', 0) >= 0",
        ("seccomp",),
        absent=("ENOSYS",),
    ),
    Attack(
        "make a pipe hold more",
        """
        import fcntl, os
        _, writer = os.pipe()
        result = fcntl.fcntl(writer, 1031, 1 << 18)  # F_SETPIPE_SZ
        """,
        ("seccomp",),
    ),
    Attack(
        "make a System V message queue",
        """
        queue = syscall("msgget", 0, 0o1600)
        syscall("msgctl", queue, 0, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "make System V semaphores",
        """
        made = syscall("semget", 0, 1, 0o1600)
        syscall("semctl", made, 0, 0)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "make a POSIX message queue",
        """
        import os
        name = f"lockgate-{os.getpid()}".encode()
        os.close(syscall("mq_open", name, os.O_CREAT | os.O_RDWR, 0o600, 0))
        syscall("mq_unlink", name)
        result = True
        """,
        ("seccomp", "rlimits"),
        # Landlock would not stop it, only keep it from cleaning up behind itself.
        also_off=("landlock", "uid", "capabilities"),
    ),
    Attack(
        "queue more signals than its limit",
        """
        import os, signal, struct
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
        number = int(signal.SIGRTMIN)
        told = struct.pack("iii", number, 0, -1) + bytes(116)
        for _ in range(600):
            syscall("rt_sigqueueinfo", os.getpid(), number, told)
        result = True
        """,
        ("rlimits",),
    ),
    Attack(
        "start more timers than its limit",
        """
        import ctypes
        timer = ctypes.c_int()
        for _ in range(600):
            syscall("timer_create", 1, 0, ctypes.byref(timer))
        result = True
        """,
        ("rlimits",),
    ),
    Attack(
        "copy descriptors beyond its limit",
        "import os\nfor _ in range(300): os.dup(0)\nresult = True",
        ("rlimits",),
        tier="elevated",
        job={"limits": {"open_files": 128}},
    ),
    Attack(
        "open pipes beyond its limit",
        "import os\nkept = [os.pipe() for _ in range(200)]\nresult = True",
        ("rlimits",),
        tier="elevated",
        job={"limits": {"open_files": 128}},
    ),
    Attack(
        "give a descriptor a number beyond its limit",
        "import os; os.dup2(0, 900); result = True",
        ("rlimits",),
        tier="elevated",
        job={"limits": {"open_files": 128}},
    ),
    Attack(
        "make a sparse file beyond its limit",
        """
        import os
        made = os.open(scratch + "/sparse", os.O_CREAT | os.O_WRONLY, 0o600)
        os.ftruncate(made, 1 << 40)
        result = True
        """,
        ("rlimits",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "fill its folder with bytes",
        """
        import os
        for number in range(20):
            with open(f"{scratch}/{number}", "wb") as file:
                file.write(bytes(1 << 18))
        result = True
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"disk_bytes": 1 << 20}},
    ),
    Attack(
        "fill its folder with empty files",
        """
        for number in range(200):
            open(f"{scratch}/{number}", "w").close()
        result = True
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"inodes": 50}},
    ),
    Attack(
        "fill its folder with folders, deeper and deeper",
        """
        import os
        os.chdir(scratch)
        for _ in range(200):
            os.mkdir("d")
            os.chdir("d")
        result = True
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"inodes": 50}},
    ),
    Attack(
        "fill its folder with links",
        """
        import os
        for number in range(200):
            os.symlink("x" * 200, f"{scratch}/{number}")
        result = True
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"inodes": 50}},
    ),
    Attack(
        "fill its folder with files that have no name",
        """
        import os
        kept = [os.open(scratch, os.O_TMPFILE | os.O_RDWR, 0o600) for _ in range(60)]
        result = len(kept)
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"inodes": 50}},
        absent=("ENOTSUP",),
    ),
    Attack(
        "hide bytes in files that it has deleted",
        """
        import os
        kept = []
        for number in range(20):
            file = open(f"{scratch}/{number}", "wb", 0)
            os.unlink(file.name)
            file.write(bytes(1 << 18))
            kept.append(file)
        result = True
        """,
        ("scratch",),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"disk_bytes": 1 << 20}},
    ),
    Attack(
        "claim disk without writing it",
        """
        import os
        made = os.open(scratch + "/claimed", os.O_CREAT | os.O_WRONLY, 0o600)
        os.posix_fallocate(made, 0, 8 << 20)
        result = True
        """,
        ("scratch", "rlimits"),
        also_off=("uid",),
        tier="basic",
        job={"scratch": True, "limits": {"disk_bytes": 1 << 20, "file_bytes": 1 << 20}},
    ),
)
