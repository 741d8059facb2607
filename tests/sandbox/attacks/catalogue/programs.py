"""Starting processes and programs, by every way there is."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]

_START: dict[str, Any] = {"held_by": ("seccomp", "landlock"), "status": 0}

_ELF = """
import os, struct
machine = os.uname().machine
exits = {
    "x86_64": (62, b"\\x31\\xff\\xb8\\x3c\\x00\\x00\\x00\\x0f\\x05"),
    "aarch64": (183, bytes.fromhex("000080d2a80b80d2010000d4")),
}
kind, body = exits[machine]
base = 0x400000
head = b"\\x7fELF\\2\\1\\1" + bytes(9) + struct.pack(
    "<HHIQQQIHHHHHH", 2, kind, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
size = 120 + len(body)
head += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 4096)
ELF = head + body
"""
"""The smallest program: it ends with status 0."""

ATTACKS = (
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
        reach=("programs",),
    ),
    Attack(
        "execute a program",
        "import os; os.execv('/bin/true', ['true'])",
        ("seccomp", "landlock"),
        status=0,
        reach=("programs",),
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
        "fork without copying",
        """
        import ctypes, os
        # vfork by number: the child ends before the parent goes on
        pid = syscall("clone", 0x4000 | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
        reach=("programs",),
    ),
    Attack(
        "fork as a sibling of its own",
        """
        import os, time
        pid = syscall("clone", 0x8000 | 17, 0, 0, 0, 0)  # CLONE_PARENT
        if pid == 0:
            os._exit(0)
        result = pid
        """,
        ("seccomp",),
        reach=("programs",),
    ),
    Attack(
        "fork as a daemon",
        """
        import os
        reader, writer = os.pipe()
        if not os.fork():
            os.setsid()
            if not os.fork():
                os.write(writer, b"x")
            os._exit(0)
        os.close(writer)
        result = os.read(reader, 1)
        """,
        ("seccomp",),
        reach=("programs",),
    ),
    Attack(
        "fork with a terminal",
        """
        import os
        pid, _ = os.forkpty()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp", "landlock"),
    ),
    Attack(
        "start a worker of multiprocessing",
        """
        import multiprocessing
        made = multiprocessing.get_context("fork").Process(target=print)
        made.start()
        made.join()
        result = made.exitcode == 0
        """,
        ("seccomp",),
        reach=("programs",),
    ),
    Attack(
        "start a program with posix_spawn",
        """
        import os
        pid = os.posix_spawn("/bin/true", ["true"], {})
        result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        """,
        ("seccomp", "landlock"),
        reach=("programs",),
    ),
    Attack(
        "start a shell",
        """
        import os
        result = os.system("exit 7") == 7 << 8
        """,
        ("seccomp", "landlock"),
    ),
    Attack(
        "start a shell through the C library",
        "import ctypes; result = ctypes.CDLL(None).system(b'exit 7') == 7 << 8",
        ("seccomp", "landlock"),
    ),
    Attack(
        "start a program through a pipe",
        "import os; result = os.popen('echo out').read()",
        ("seccomp", "landlock"),
    ),
    Attack(
        "execute a script by its first line",
        """
        import os
        path = scratch + "/script"
        made = os.open(path, os.O_CREAT | os.O_WRONLY, 0o700)
        os.write(made, b"#!/bin/true\\n")
        os.close(made)
        os.execv(path, ["script"])
        """,
        ("seccomp", "landlock", "scratch"),
        also_off=("uid",),
        status=0,
        tier="basic",
        job={"scratch": True},
        # A grant of programs makes what lies in its own folder executable too:
        # friction and no boundary, which is the seal that programs inherit.
        reach=("programs",),
    ),
    Attack(
        "execute a program by the loader",
        """
        import glob, os
        loader = (glob.glob("/lib64/ld-linux-*") + glob.glob("/lib/ld-linux-*"))[0]
        os.execv(loader, ["ld", "/bin/true"])
        """,
        ("seccomp", "landlock"),
        status=0,
        reach=("programs",),
    ),
    Attack(
        "execute a program that it dropped",
        _ELF
        + """
path = scratch + "/dropped"
made = os.open(path, os.O_CREAT | os.O_WRONLY, 0o700)
os.write(made, ELF)
os.close(made)
os.execv(path, ["dropped"])
""",
        ("seccomp", "landlock", "scratch"),
        also_off=("uid",),
        status=0,
        tier="basic",
        job={"scratch": True},
        reach=("programs",),
    ),
    Attack(
        "execute a program of its own without a path",
        _ELF
        + """
made = os.memfd_create("x", 0)
os.write(made, ELF)
os.execve(made, ["x"], {})
""",
        # Without a loader there is nothing that Landlock could judge.
        ("seccomp",),
        status=0,
    ),
    Attack(
        "execute a program by its descriptor",
        """
        import os
        # AT_EMPTY_PATH, and a path descriptor, which needs no right to read
        syscall("execveat", os.open("/bin/true", os.O_PATH), b"", 0, 0, 0x1000)
        """,
        ("seccomp", "landlock"),
        status=0,
    ),
    Attack(
        "execute a host program through a link in its folder",
        """
        import os
        os.symlink("/bin/true", scratch + "/link")
        os.execv(scratch + "/link", ["true"])
        """,
        ("seccomp", "landlock"),
        status=0,
        tier="basic",
        job={"scratch": True},
        reach=("programs",),
    ),
    Attack(
        "execute a program that nobody granted",
        "import os; os.execv('/bin/cat', ['cat', '/dev/null'])",
        ("seccomp", "landlock"),
        status=0,
    ),
    Attack(
        "gain a right by a program's file mode",
        """
        import os, time
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            os.set_blocking(writer, True)
        pid = os.fork()
        if not pid:
            try:
                os.dup2(writer, 1)
                os.dup2(writer, 2)
                os.execv("/bin/su", ["su", "--help"])
            finally:
                os._exit(70)
        # It has something to say, and the pipe is full: there it stands.
        end, told = time.monotonic() + 20, {"State": "R"}
        while told["State"][0] not in "SZ" or told["Name"] != "su":
            lines = open(f"/proc/{pid}/status").read().splitlines()
            told = dict(line.split(":\t", 1) for line in lines)
            if told["State"][0] == "Z" or time.monotonic() > end:
                break
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        real, effective, *_ = told["Uid"].split()
        result = effective == "0" != real
        """,
        ("no-new-privs",),
        # Where uid 0 means nobody, its programs are nobody's.
        user_held_by=("user-namespace",),
        also_off=("seccomp", "landlock", "process-limit"),
        needs="/bin/su",
    ),
    Attack(
        "have a granted program read a host file",
        """
        import os
        reader, writer = os.pipe()
        if not os.fork():
            os.dup2(writer, 1)
            os.execv("/bin/cat", ["cat", host["secret"]])
        os.close(writer)
        result = os.read(reader, 100).decode()
        """,
        ("landlock",),
        tier="elevated",
        job={"programs": ["/bin/cat"]},
    ),
    Attack(
        "have a granted program look at itself",
        """
        import os
        reader, writer = os.pipe()
        if not os.fork():
            os.dup2(writer, 1)
            os.execv("/bin/cat", ["cat", "/proc/self/status"])
        os.close(writer)
        result = os.read(reader, 100).decode()
        """,
        ("landlock",),
        tier="elevated",
        job={"programs": ["/bin/cat"]},
    ),
)
