"""The security model as data: what is promised, by which layers, and what is not.

`doctor` holds a machine against it, ``docs/explanation/security-model.md`` is made
from it, and the tests hold each claim against a real attack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lockgate_sandbox._not_promised import NOT_PROMISED, NotPromised

if TYPE_CHECKING:
    from lockgate_sandbox.posture import Posture

__all__ = [
    "ABIS",
    "NOT_PROMISED",
    "PROMISES",
    "Abi",
    "Hold",
    "NotPromised",
    "Promise",
    "hold",
]


@dataclass(frozen=True, slots=True)
class Promise:
    """One class of attacks that fails.

    `text` continues "the code cannot". Each layer of `held_by` stops all of them
    without the others; those of `alone` do where the policy has no programs, those of
    `root` where the host is root, those of `user` where it is not. Landlock counts
    from `abi` on. `measured`: where no layer holds it, the host looks every 50 ms and
    kills. `residual` is what is left.
    """

    name: str
    text: str
    held_by: tuple[str, ...]
    residual: str
    alone: tuple[str, ...] = ()
    root: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    abi: int = 1
    measured: bool = False

    def layers(self, *, root: bool, programs: bool) -> tuple[str, ...]:
        """The layers that each hold it, for such a host and such a policy."""
        alone = () if programs else self.alone
        return self.held_by + alone + (self.root if root else self.user)


PROMISES = (
    Promise(
        "read",
        "read a file or list a folder outside its grants, whatever link leads there",
        ("landlock",),
        "names, sizes and times can be asked for; the interpreter's installation and "
        "the system's library folders are granted to all",
    ),
    Promise(
        "write",
        "write, make, truncate, rename or delete a file outside its grants",
        ("landlock",),
        "what is granted for writing can be filled with anything, links included: "
        "the host must not follow them",
    ),
    Promise(
        "metadata",
        "change modes, owners, times or attributes of files that are not its own",
        ("seccomp",),
        "none known",
        root=("uid",),
    ),
    Promise(
        "descriptors",
        "use a descriptor that the host had open",
        ("fds",),
        "what the host hands over on purpose carries its rights with it",
    ),
    Promise(
        "host",
        "read the host's environment or memory, or trace a process outside",
        ("landlock",),
        "none known",
        root=("uid", "capabilities"),
        user=("user-namespace",),
    ),
    Promise(
        "tcp",
        "connect or listen over TCP",
        ("seccomp",),
        "granted hosts, through the broker, which has the socket",
    ),
    Promise(
        "sockets",
        "use UDP, netlink, vsock, or a service of this machine by its unix socket",
        ("seccomp",),
        "a connected pair within the worker stays, for asyncio",
    ),
    Promise(
        "signals",
        "signal a process outside",
        ("landlock",),
        "with programs granted and Landlock below ABI 6: processes of the same uid",
        alone=("seccomp",),
        root=("uid",),
        abi=6,
    ),
    Promise(
        "neighbours",
        "change the limits or the priority of a process outside",
        ("seccomp",),
        "none known",
        root=("uid",),
    ),
    Promise(
        "programs",
        "execute a program that was not granted",
        ("landlock",),
        "a granted program may run any code through its loader, under the same seal",
        alone=("seccomp",),
    ),
    Promise(
        "setuid",
        "gain rights from a set-user-id program",
        ("no-new-privs",),
        "none known",
    ),
    Promise(
        "kernel",
        "reach io_uring, user namespaces, keyrings and other risky parts of the kernel",
        ("seccomp",),
        "bugs in what every program needs",
    ),
    Promise(
        "terminal",
        "type into the terminal that it was started from",
        ("seccomp",),
        "escape sequences in what it prints reach whoever shows them raw",
    ),
    Promise(
        "memory",
        "use more memory than its limit, shared memory included",
        ("cgroup",),
        "what fits between two looks, where a tree is measured",
        alone=("rlimits",),
        measured=True,
    ),
    Promise(
        "count",
        "have more processes and threads than its limit",
        ("process-limit",),
        "what fits between two looks, where they are measured",
        measured=True,
    ),
    Promise(
        "disk",
        "fill the disk with its scratch folder, by bytes or by number of files",
        ("scratch",),
        "in a plain folder the bytes of all files together are looked at every 0.25 s, "
        "without those of files that were deleted while open; "
        "folders granted for writing are bounded file by file only",
        measured=True,
    ),
    Promise(
        "end",
        "go on after its host or its sandbox has ended",
        ("seccomp", "pid-namespace"),
        "none known: the kernel kills it with its parent, and it can't ask otherwise",
    ),
)
"""What holds at every tier below system, where a layer named for it is active."""

Hold: TypeAlias = Literal["held", "weak", "open"]


def hold(
    promise: Promise, posture: Posture, *, root: bool, programs: bool
) -> tuple[Hold, list[str]]:
    """How `promise` stands under `posture`, and what holds it.

    ``held``: a layer that is enough alone is active, or has nothing to do; ``weak``:
    such a layer is degraded, or the host only measures; ``open``: nothing holds it.
    """
    layers = promise.layers(root=root, programs=programs)
    good: list[str] = []
    weak: list[str] = []
    for layer in posture.layers:
        if layer.name not in layers:
            continue
        if layer.name == "landlock" and posture.abi < promise.abi:
            continue
        if layer.state == "degraded":
            weak.append(layer.name)
        elif layer.state == "active" or (layer.state, layers) == (
            "unneeded",
            (layer.name,),
        ):
            good.append(layer.name)
    if good:
        return "held", good
    if promise.measured:
        weak.append("measuring")
    return ("weak", weak) if weak else ("open", [])


@dataclass(frozen=True, slots=True)
class Abi:
    """What a version of Landlock adds, and the kernel that brought it.

    `used`: our rulesets ask for it.
    """

    number: int
    kernel: str
    adds: str
    without: str
    used: bool = True


ABIS = (
    Abi(
        1,
        "5.13",
        "opening, making, renaming and deleting files and folders; ptrace",
        "untrusted tiers are refused",
    ),
    Abi(
        2,
        "5.19",
        "renaming and linking between granted folders",
        "files can't be moved from one folder to another, even within a grant",
    ),
    Abi(
        3,
        "6.2",
        "truncating",
        "seccomp refuses to truncate what may only be read",
    ),
    Abi(4, "6.7", "TCP connect and bind, not TCP Fast Open", "no second lock on TCP"),
    Abi(
        5,
        "6.10",
        "ioctl on devices",
        "seccomp alone holds them; with a device granted it refuses only the worst",
    ),
    Abi(
        6,
        "6.12",
        "signals and abstract unix sockets to processes outside",
        "seccomp alone holds both; with granted programs signals of the same uid pass",
    ),
    Abi(7, "6.15", "switches for the kernel's audit log of denials", "nothing"),
    Abi(
        8,
        "7.0",
        "sealing all threads of a process at once",
        "nothing: a worker is sealed while it has one thread",
        used=False,
    ),
    Abi(
        9,
        "7.1",
        "connecting to unix sockets by path",
        "seccomp alone holds them: it refuses every socket",
        used=False,
    ),
)
"""Each Landlock ABI; its source is the kernel's Documentation/userspace-api."""
