"""What the sandbox does not promise, as data: one part of `security`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOT_PROMISED", "NotPromised"]


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
        "among these can fork and act in all of them, though in no other worker. What "
        "a library drew when it was imported, as the seed of a generator of its own, "
        "each has alike (`random` and numpy's functions are seeded anew).",
        "Preload what you trust as you trust the plugin; without it nothing is shared.",
    ),
    NotPromised(
        "shared-layout",
        "All workers of one sandbox are forked from one process: the addresses of code "
        "and the secret by which Python hashes text are the same in each. What a "
        "hostile one learns of its own helps it against a mistake in another one's "
        "native code, or to hand it keys that collide.",
        "A sandbox of its own for each party.",
    ),
    NotPromised(
        "locks",
        "Whoever may read a file, and write any, can lock it for as long as it lives "
        "(`flock`, `fcntl`): programs that ask for a lock on it wait.",
        "Grant copies of databases and the like; tier read-only has no locks.",
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
        "plain folder, in which files that were deleted while open are not counted, "
        "and an ordinary user's processes are counted with the worker's.",
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
