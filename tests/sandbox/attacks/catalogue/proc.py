"""What /proc, /sys and /dev tell and let be changed."""

from __future__ import annotations

from typing import Any

from tests.sandbox.attacks.catalogue.attack import Attack, opens

__all__ = ["ATTACKS"]

# Looking into another process asks the same permission as tracing it.
_TRACED: dict[str, Any] = {
    "root_held_by": ("uid", "capabilities"),
    "user_held_by": ("user-namespace",),
}
# Its own files in /proc belong to root once it can't be traced.
_OWN: dict[str, Any] = {"root_held_by": ("uid",), "user_held_by": ("no-new-privs",)}
# Opened only: on a machine without layers nothing of it must change.
_MACHINE: dict[str, Any] = {"root_held_by": ("uid",), "who": "root"}


def _device(name: str) -> Attack:
    return opens(
        f"open the device {name}",
        f"/dev/{name}",
        who="root",
        also_off=("uid", "capabilities"),
        needs=f"/dev/{name}",
        # What a driver says without a device, or one that is locked down or taken.
        absent=("ENODEV", "ENXIO", "EIO", "EBUSY", "EPERM"),
    )


def _link(name: str, of: str) -> Attack:
    code = f"import os; result = os.readlink(f\"/proc/{{host['pid']}}/{of}\")"
    return Attack(name, code, ("landlock",), **_TRACED)


ATTACKS = (
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
    opens("read the host's memory map", "/proc/{host['pid']}/maps", **_TRACED),
    opens("read the host's page map", "/proc/{host['pid']}/pagemap", **_TRACED),
    opens("read the host's auxiliary vector", "/proc/{host['pid']}/auxv", **_TRACED),
    Attack(
        "read what the host's system call is",
        "result = open(f\"/proc/{host['pid']}/syscall\").read()",
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "list the host's descriptors",
        "import os; result = os.listdir(f\"/proc/{host['pid']}/fd\")",
        ("landlock",),
        root_held_by=("uid",),
    ),
    Attack(
        "open a descriptor of the host",
        """
        result = open(f"/proc/{host['pid']}/fd/{host['inherited']}").read()
        """,
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    _link("see where the host stands", "cwd"),
    _link("see the host's root", "root"),
    _link("see the host's program", "exe"),
    _link("see the host's namespaces", "ns/net"),
    Attack(
        "go in by the host's root",
        "result = open(f\"/proc/{host['pid']}/root{host['secret']}\").read()",
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "go in by the host's working folder",
        "import os; result = os.listdir(f\"/proc/{host['pid']}/cwd/\")",
        ("landlock",),
        root_held_by=("uid", "capabilities"),
        user_held_by=("user-namespace",),
    ),
    Attack(
        "read the host's command line",
        "result = open(f\"/proc/{host['pid']}/cmdline\").read()",
        ("landlock",),
    ),
    Attack(
        "read its own environment through /proc",
        "result = b'HOST_SECRET' in open('/proc/self/environ', 'rb').read()",
        ("landlock",),
        root_held_by=("uid",),
        user_held_by=("no-new-privs",),
    ),
    opens("list every process", "/proc"),
    opens("list the machine's sockets", "/proc/net/unix"),
    opens("list the machine's mounts", "/proc/self/mounts"),
    opens("list the machine's locks", "/proc/locks"),
    opens("watch the machine's interrupts", "/proc/interrupts"),
    opens("read where the kernel lies", "/proc/kallsyms", needs="/proc/kallsyms"),
    opens("read the kernel's command line", "/proc/cmdline"),
    opens("read the machine's parts", "/sys/devices"),
    opens(
        "spare itself from the memory killer",
        "/proc/self/oom_score_adj",
        "os.O_RDWR",
        **_OWN,
    ),
    opens(
        "choose what a core dump holds",
        "/proc/self/coredump_filter",
        "os.O_RDWR",
        **_OWN,
    ),
    opens("map user ids", "/proc/self/uid_map", "os.O_RDWR", **_OWN),
    opens(
        "replace the core dump helper",
        "/proc/sys/kernel/core_pattern",
        "os.O_WRONLY",
        **_MACHINE,
    ),
    opens(
        "replace the module loader",
        "/proc/sys/kernel/modprobe",
        "os.O_WRONLY",
        needs="/proc/sys/kernel/modprobe",
        **_MACHINE,
    ),
    opens(
        "switch address randomisation off for all",
        "/proc/sys/kernel/randomize_va_space",
        "os.O_WRONLY",
        **_MACHINE,
    ),
    opens(
        "drop the machine's caches",
        "/proc/sys/vm/drop_caches",
        "os.O_WRONLY",
        **_MACHINE,
    ),
    opens(
        "press the magic key",
        "/proc/sysrq-trigger",
        "os.O_WRONLY",
        needs="/proc/sysrq-trigger",
        **_MACHINE,
    ),
    opens(
        "forward packets", "/proc/sys/net/ipv4/ip_forward", "os.O_WRONLY", **_MACHINE
    ),
    opens(
        "read the kernel's memory",
        "/proc/kcore",
        needs="/proc/kcore",
        who="root",
        root_held_by=("uid", "capabilities"),
    ),
    Attack(
        "write to its own terminal",
        """
        import errno, os
        try:
            own = os.open("/dev/tty", os.O_RDWR)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            # It has none: whoever leads a session gets the first that it opens.
            screen, lent = os.openpty()
            os.open(os.ttyname(lent), os.O_RDWR)
            own = os.open("/dev/tty", os.O_RDWR)
        os.write(own, b"mine")
        result = os.read(screen, 9) == b"mine"
        """,
        ("landlock",),
        needs="/dev/ptmx",
    ),
    opens("make a terminal", "/dev/ptmx", "os.O_RDWR"),
    opens("write to a device", "/dev/full", "os.O_WRONLY"),
    _device("kmsg"),
    _device("mem"),
    _device("kvm"),
    _device("fuse"),
    _device("net/tun"),
    _device("loop-control"),
    _device("userfaultfd"),
    _device("uinput"),
    _device("tty0"),
    _device("vsock"),
    _device("btrfs-control"),
)
