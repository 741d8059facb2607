"""The security model as data: what is promised, by which layers, and what is not.

`doctor` holds a machine against it, ``docs/explanation/security-model.md`` is made
from it, and the tests hold each claim against a real attack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

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
        "in a plain folder the bytes of all files together are looked at every 0.25 s; "
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
        "a granted device answers every ioctl; seccomp refuses the worst",
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


@dataclass(frozen=True, slots=True)
class NotPromised:
    """Something that a reader might expect and must not: `text`, and the way out."""

    name: str
    text: str
    instead: str


NOT_PROMISED = (
    NotPromised(
        "names",
        "A worker can learn that a path exists, its size and times: `stat` and `chdir` "
        "are not judged by Landlock. Contents and listings of folders stay closed.",
        "As root, with mount namespaces, folders closed to other users are gone "
        "altogether.",
    ),
    NotPromised(
        "interpreter",
        "The interpreter's installation is readable, third-party packages in its "
        "site-packages and the system's library folders included.",
        "Put no secret into an installation.",
    ),
    NotPromised(
        "machine",
        "Facts of the machine are visible: clock, kernel, host name, processor, load.",
        "A virtual machine tells its own.",
    ),
    NotPromised(
        "timing",
        "Timing is not hidden: caches and load tell about other programs.",
        "Keep secrets that a neighbour may measure on another machine.",
    ),
    NotPromised(
        "covert-channels",
        "Two workers on one machine can signal to each other: by load, by caches, by "
        "locks (`flock`) on a file that both may read.",
        "Let what must not meet run at other times or places.",
    ),
    NotPromised(
        "kernel-bugs",
        "A hole in the kernel is a way out. The filter takes away the parts with the "
        "worst record, not all.",
        "For hostile code with high stakes put the host into a virtual machine too.",
    ),
    NotPromised(
        "cpu-share",
        "CPU is limited in seconds, its share only where `cpu_share` is asked for and "
        "a control group holds it. Otherwise a worker may keep every processor busy "
        "that its threads find, until its seconds are used up.",
        "Ask for a share; a low `cpu_seconds`.",
    ),
    NotPromised(
        "between-looks",
        "Without a control group the sum over a tree is measured every 50 ms, and may "
        "pass its limit by what fits between two looks.",
        "Delegate a control group; grant no programs.",
    ),
    NotPromised(
        "programs",
        "A granted program is friction, not a boundary: through its loader any code "
        "runs. It gains nothing, because it inherits the worker's seal.",
        "Judge a policy with programs as if it named none.",
    ),
    NotPromised(
        "network-shim",
        "Clients that bring their own HTTP reach a granted host through a shim that "
        "holds host, port and bytes only: TLS hides the rest from it.",
        "A grant with methods, paths or a credential needs the transport, which holds "
        "them all.",
    ),
    NotPromised(
        "handed-over",
        "Descriptors that the host passes carry their rights with them, for good.",
        "Pass what may be lost; a revoked grant does not close them.",
    ),
    NotPromised(
        "written-files",
        "What code wrote is what code wrote: links to anywhere, names with control "
        "characters, files that a tool of yours runs.",
        "Read it without following links; put it on no import path.",
    ),
    NotPromised(
        "own-words",
        "Values, output, error texts and denials are the code's own words, and "
        "prove nothing.",
        "Trust the posture, usage, status and kind of error: those are measured.",
    ),
    NotPromised(
        "kept-state",
        "Code that ran in a worker stays in it: a later call to the same worker, or a "
        "later cell of an interpreter, may be answered by it.",
        "A worker for each party; `run_python` for each text.",
    ),
    NotPromised(
        "preloading",
        "Workers of one policy with the same `preload` and import folders share a uid, "
        "a scratch folder and the libraries that were loaded first: a hostile one "
        "among these can fork and act in all of them, though in no other worker.",
        "Preload what you trust as you trust the plugin; without it nothing is shared.",
    ),
    NotPromised(
        "source-scan",
        "Scanning source finds mistakes and slips. It is a gate in front, no boundary.",
        "The seal holds with or without it.",
    ),
    NotPromised(
        "root-without-uid",
        "A worker of a root host that can have no uid of its own stays uid 0, without "
        "any capability: then file permissions stop nothing that Landlock grants, and "
        "no limit of the kernel's counts its processes.",
        "Run as an ordinary user, or with CAP_SETUID and CAP_SETGID.",
    ),
    NotPromised(
        "no-namespaces",
        "Without user namespaces there is no second lock behind seccomp on the "
        "network and on System V IPC, process ids are the machine's, scratch is a "
        "plain folder, and an ordinary user's processes are counted with the worker's.",
        "Permit user namespaces; nothing else is lost.",
    ),
    NotPromised(
        "other-systems",
        "macOS and Windows have none of these layers, and neither has Linux on "
        "machines other than x86-64 and aarch64: nothing untrusted is started there.",
        "A backend of your own, registered on purpose.",
    ),
)
"""What is not promised, for a reader who would otherwise find out."""
