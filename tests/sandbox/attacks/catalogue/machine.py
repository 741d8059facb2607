"""A machine's own state: modules, clocks, names, swap, restarts."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue.attack import Answer, Attack, calls, knocks

__all__ = ["ATTACKS"]

# Each layer that takes root's rights away holds these. What they do to the whole
# machine is not done to it: in a namespace of the attack's own, or asked for wrongly.
_ADMIN: dict[str, Any] = {
    "held_by": ("seccomp", "capabilities"),
    "root_held_by": ("uid",),
    "who": "root",
}

_FIRST = """
import os
def first(work):
    # Do `work` as the first process of a namespace; how that ended, as of waitpid.
    syscall("unshare", 0x20000000)  # CLONE_NEWPID: for those it forks
    pid = os.fork()
    if not pid:
        try:
            if os.getpid() == 1:
                work()
        finally:
            os._exit(7)
    return os.waitpid(pid, 0)[1]
"""


def _first(code: str) -> str:
    return knocks(_FIRST + dedent(code))


_MODULES = Answer(
    "the code that loads modules looks at what it was given, and has no use for it",
    ("ENOEXEC", "EINVAL"),
)
_KERNELS = Answer("the code that loads kernels looks at the flags first", ("EINVAL",))
_SWAP = Answer("the kernel looks for the file, and there is none", ("ENOENT",))
_CLOCK = Answer("the kernel looks at the time: less than no nanoseconds", ("EINVAL",))

ATTACKS = (
    calls(
        "load a kernel module",
        "init_module",
        "b''",
        "0",
        "b''",
        answer=_MODULES,
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    calls(
        "load a kernel module from a file",
        "finit_module",
        "0",
        "b''",
        "0xff00",
        answer=_MODULES,
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    calls(
        "remove a kernel module",
        "delete_module",
        "b'lockgate-none'",
        "0x800",
        answer=Answer(
            "the kernel looks for the module, and there is none", ("ENOENT",)
        ),
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    calls(
        "load another kernel",
        "kexec_load",
        "0",
        "0",
        "0",
        "0xff",
        answer=_KERNELS,
        absent=("ENOSYS",),
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
        answer=_KERNELS,
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    Attack(
        "restart the machine",
        _first(
            """
            # With its magic numbers wrong the call does nothing, for whoever may.
            knock("EINVAL", "reboot", 0, 0, 0, 0)
            def restart():
                syscall("reboot", 0xfee1dead, 672274793, 0x01234567, 0)
            # For a namespace it ends the first process: by SIGHUP, not by its exit.
            result = os.waitstatus_to_exitcode(first(restart)) == -1
            """
        ),
        also_off=("process-limit",),
        **_ADMIN,
    ),
    calls(
        "use a file as swap",
        "swapon",
        "b'/lockgate-none'",
        "0",
        answer=_SWAP,
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    calls(
        "stop using swap",
        "swapoff",
        "b'/lockgate-none'",
        answer=_SWAP,
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    Attack(
        "account for processes",
        _first(
            """
            knock("ENOENT", "acct", b"/lockgate-none/x")
            path = host["ground"] + f"/accounts{os.getpid()}"
            open(path, "w").close()
            def account():
                syscall("acct", path.encode())
                pid = os.fork()
                if not pid:
                    os._exit(0)
                os.waitpid(pid, 0)
                syscall("acct", 0)
            first(account)
            result = os.stat(path).st_size
            os.unlink(path)
            """
        ),
        also_off=("landlock", "process-limit"),
        absent=("ENOSYS",),
        **_ADMIN,
    ),
    Attack(
        "hang up its terminal",
        """
        import os
        syscall("vhangup")  # of nothing, if it has none
        screen, lent = os.openpty()
        own = os.open(os.ttyname(lent), os.O_RDWR)
        import signal
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        syscall("vhangup")
        try:
            os.write(own, b"x")
        except OSError as error:
            result = error.errno == 5
        """,
        also_off=("landlock",),
        needs="/dev/ptmx",
        **_ADMIN,
    ),
    Attack(
        "name the machine",
        knocks(
            """
            import os
            knock("EINVAL", "sethostname", b"", -1)
            syscall("unshare", 0x04000000)  # CLONE_NEWUTS
            syscall("sethostname", b"taken", 5)
            result = os.uname().nodename == "taken"
            """
        ),
        **_ADMIN,
    ),
    Attack(
        "name the machine's domain",
        knocks(
            """
            import ctypes
            knock("EINVAL", "setdomainname", b"", -1)
            syscall("unshare", 0x04000000)
            syscall("setdomainname", b"taken", 5)
            told = ctypes.create_string_buffer(6 * 65)
            syscall("uname", told)
            result = told.raw[5 * 65:].startswith(b"taken")
            """
        ),
        **_ADMIN,
    ),
    calls(
        "set the clock",
        "clock_settime",
        "0",
        "__import__('struct').pack('qq', 0, -1)",
        answer=_CLOCK,
    ),
    calls(
        "set the time of day",
        "settimeofday",
        "__import__('struct').pack('qq', 0, -1)",
        "0",
        answer=_CLOCK,
    ),
    calls("tune the clock", "adjtimex", "__import__('struct').pack('I204x', 0)"),
    calls(
        "tune a clock",
        "clock_adjtime",
        "0",
        "__import__('struct').pack('I204x', 0)",
    ),
    calls("read the kernel's log", "syslog", "10", "0", "0", **_ADMIN),
    calls(
        "reach the hardware's ports",
        "iopl",
        "0",
        machine="x86_64",
        absent=("ENOSYS",),
    ),
    calls(
        "reach one of the hardware's ports",
        "ioperm",
        "0x80",
        "1",
        "0",
        machine="x86_64",
        absent=("ENOSYS",),
    ),
    calls("write all disks", "sync"),
    calls("write a whole disk", "syncfs", "__import__('os').pipe()[0]"),
    calls(
        "load a library into its address space",
        "uselib",
        "b'/lockgate-none'",
        machine="x86_64",
        answer=Answer("the kernel looks for the file, and there is none", ("ENOENT",)),
        absent=("ENOSYS",),  # from Linux 6.16
    ),
    calls(
        "look up what a profile saw",
        "lookup_dcookie",
        "0",
        "bytes(64)",
        "64",
        answer=Answer("the kernel looks for whoever makes profiles", ("EINVAL",)),
        absent=("ENOSYS",),  # from Linux 6.8
        **_ADMIN,
    ),
    Attack(
        "write back all quotas",
        "syscall('quotactl', 0x80000100, 0, 0, 0); result = True  # Q_SYNC",
        ("seccomp",),
        absent=("ENOSYS",),
    ),
)
