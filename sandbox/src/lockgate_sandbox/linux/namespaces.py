"""Namespaces: an own view of users, network, IPC, mounts and processes.

A stronger mode, never a prerequisite: containers forbid them often. The zygote
enters its own once (`enter_zygote_namespaces`), so that a worker gets network,
IPC and mounts by inheritance; a worker adds a user namespace of its own where
its processes must be counted apart, and a sized tmpfs as scratch.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH103, PTH116, PTH120

from __future__ import annotations

import os

from lockgate_sandbox.linux import credentials, rlimits
from lockgate_sandbox.linux._libc import reason, syscall
from lockgate_sandbox.linux.plain import open_plain
from lockgate_sandbox.posture import LayerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "PROC_REMEDY",
    "REMEDY",
    "close_outer_proc",
    "enter_zygote_namespaces",
    "has_own_mounts",
    "inherited",
    "mount_scratch",
    "note_pid_namespace",
    "open_outer_proc",
    "outer_pid",
    "own_mounts",
    "own_proc",
    "own_user_namespace",
    "unshare_pids",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_MS_NOSUID = 0x2
_MS_NODEV = 0x4
_MS_NOEXEC = 0x8
_MS_REC = 0x4000
_MS_PRIVATE = 0x40000

_OPEN_TREE_CLONE = 1
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_AT_EMPTY_PATH = 0x1000
_MOVE_MOUNT_F_EMPTY_PATH = 0x4


REMEDY = (
    "allow user namespaces: sysctl user.max_user_namespaces above 0, "
    "kernel.unprivileged_userns_clone=1 and "
    "kernel.apparmor_restrict_unprivileged_userns=0 where they exist; in a "
    "container a seccomp profile that permits unshare and mount"
)

PROC_REMEDY = (
    "a /proc with nothing covered, as outside containers; in a container as root, "
    "CAP_SYS_ADMIN and a security profile that permits to mount proc"
)

_inherited: list[LayerState] = []
_hidden: dict[str, int] = {}
_outer_proc: list[int] = []


def inherited() -> tuple[LayerState, ...]:
    """What `enter_zygote_namespaces` achieved in this process or its parent."""
    return tuple(_inherited)


def has_own_mounts() -> bool:
    """Whether `enter_zygote_namespaces` entered a mount namespace."""
    return any(
        layer.name == "mount-namespace" and layer.state != "missing"
        for layer in _inherited
    )


def hidden_descriptors() -> tuple[int, ...]:
    """Descriptors that a child needs until its mounts are made, then closes."""
    return (*_hidden.values(), *_outer_proc)


def enter_zygote_namespaces(uncovered: Sequence[str] = ()) -> tuple[LayerState, ...]:
    """Put the calling, single-threaded process into namespaces of its own.

    As root (CAP_SYS_ADMIN): network, IPC and mounts. Folders of `uncovered`
    (the interpreter's) that lie behind a folder closed to other users are made
    reachable: a tmpfs hides the closed folder and shows only them. Otherwise a
    user namespace comes first and gives the right to the rest. What is not
    permitted is reported, not raised.
    """
    _inherited.clear()
    privileged = credentials.has_capability(credentials.CAP_SYS_ADMIN)
    if privileged:
        user = LayerState(
            "user-namespace", "unneeded", "the zygote has its rights without one"
        )
    else:
        user = _attempt("user-namespace", own_user_namespace)
    _inherited.append(user)
    _inherited.append(_attempt("network-namespace", lambda: _unshare(CLONE_NEWNET)))
    _inherited.append(_attempt("ipc-namespace", lambda: _unshare(CLONE_NEWIPC)))
    mounts = _attempt("mount-namespace", own_mounts)
    # Once here saves every child some sixty calls.
    credentials.drop_bounding_set()
    rlimits.bound_thread_stacks()
    if mounts.state == "active" and privileged:
        mounts = _uncover_at_start(uncovered)
    _inherited.append(mounts)
    return inherited()


def _attempt(name: str, act: object) -> LayerState:
    """The state of a namespace after trying to enter it."""
    try:
        assert callable(act)  # noqa: S101  (narrows for the type checkers)
        act()
    except OSError as error:
        return LayerState(name, "missing", reason(error), REMEDY)
    return LayerState(name, "active", "entered by the zygote")


def _unshare(flags: int) -> None:
    syscall("unshare", flags)


def own_user_namespace() -> None:
    """Enter a user namespace in which only the caller's own ids exist.

    The caller has every capability in it, and none outside.

    Raises:
        OSError: If the kernel refuses.
    """
    uid, gid = os.geteuid(), os.getegid()
    _unshare(CLONE_NEWUSER)
    credentials.forget_bounding_set()
    # Without this an unprivileged process may not write its gid map
    # (user_namespaces(7)); afterwards nobody in it can change groups.
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def unshare_pids() -> None:
    """Have the children of the caller, not itself, in a new pid namespace.

    Raises:
        OSError: If the kernel refuses.
    """
    _unshare(CLONE_NEWPID)


def own_proc() -> int:
    """Mount the ``/proc`` of the caller's pid namespace; gives `outer_pid`.

    The old one stays open for it, until `close_outer_proc`. A user namespace may
    mount one only where nothing of the old one is covered, which containers do.

    Raises:
        OSError: If the kernel refuses.
    """
    outer = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    except OSError:
        os.close(outer)
        raise
    _outer_proc.append(outer)
    return outer_pid()


def outer_pid() -> int:
    """The caller's process id outside: no process of the machine shares it."""
    if not _outer_proc:
        return os.getpid()
    return int(os.readlink("self", dir_fd=_outer_proc[0]))


def open_outer_proc() -> int:
    """A descriptor of the ``/proc`` that shows all processes; the caller's."""
    if _outer_proc:
        return os.dup(_outer_proc[0])
    return os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def close_outer_proc() -> None:
    """Close what `own_proc` left open: a way to see the processes outside."""
    while _outer_proc:
        os.close(_outer_proc.pop())


def note_pid_namespace(refused: str, remedy: str = "") -> None:
    """Note how entering a pid namespace went, for `inherited`."""
    state = LayerState("pid-namespace", "active", "the zygote is its first process")
    if refused:
        state = LayerState("pid-namespace", "missing", refused, remedy)
    _inherited.append(state)


def own_mounts() -> None:
    """Enter a mount namespace whose changes reach nobody else.

    Raises:
        OSError: If the kernel refuses.
    """
    _unshare(CLONE_NEWNS)
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    try:
        syscall(
            "mount",
            source.encode(),
            os.fsencode(target),
            kind.encode() or 0,
            flags,
            options.encode() or 0,
        )
    except OSError as error:
        raise OSError(
            error.errno, f"{error.strerror} ({kind or 'bind'})", target
        ) from None


def mount_scratch(
    path: str, *, size: int, inodes: int, owner: tuple[int, int], programs: bool
) -> None:
    """Mount a tmpfs of `size` bytes and `inodes` files on the folder `path`.

    Only the calling process and its children see it; it vanishes with them.
    Nothing in it can be executed unless `programs`.

    Raises:
        OSError: If the kernel refuses.
    """
    flags = _MS_NOSUID | _MS_NODEV | (0 if programs else _MS_NOEXEC)
    uid, gid = owner
    # The root folder takes an inode too.
    options = f"size={size},nr_inodes={inodes + 1},mode=0700,uid={uid},gid={gid}"
    _mount("lockgate", path, "tmpfs", flags, options)


def closed_parent(path: str) -> str:
    """The topmost parent of `path` that other users may not enter, or nothing."""
    parts = path.split("/")
    for end in range(2, len(parts)):
        parent = "/".join(parts[:end])
        try:
            if not os.stat(parent).st_mode & 0o001:
                return parent
        except OSError:
            return ""
    return ""


def _uncover_at_start(paths: Sequence[str]) -> LayerState:
    """Hide each closed parent of `paths` behind a tmpfs that shows only them."""
    shown = _topmost([os.path.realpath(path) for path in paths])
    behind: dict[str, list[str]] = {}
    for path in shown:
        if closed := closed_parent(path):
            behind.setdefault(closed, []).append(path)
    try:
        for closed, wanted in behind.items():
            _hide(closed, wanted)
    except OSError as error:
        detail = f"closed folders stay closed: {reason(error)}"
        return LayerState("mount-namespace", "degraded", detail, REMEDY)
    detail = "entered by the zygote"
    for closed, wanted in behind.items():
        detail += f"; {closed} shows only {', '.join(wanted)}"
    return LayerState("mount-namespace", "active", detail)


def _topmost(paths: Sequence[str]) -> list[str]:
    """`paths` without those that lie below another of them."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(path.startswith(f"{above}/") for above in found):
            found.append(path)
    return found


def _hide(closed: str, wanted: Sequence[str]) -> None:
    """Mount a tmpfs on `closed` that shows only the paths `wanted` in it."""
    keep = os.open(closed, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _hidden[closed] = keep
    trees = [(_clone(keep, path[len(closed) + 1 :]), path) for path in wanted]
    _mount("lockgate", closed, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")
    show_trees(trees)


def hidden_trees(paths: Sequence[str]) -> list[tuple[int, str]]:
    """(mount, path) of each of `paths` that the zygote's tmpfs hides.

    The paths hold no symbolic link. To be taken before the caller leaves the
    zygote's mount namespace and given to `show_trees` after it.

    Raises:
        OSError: If the kernel refuses.
    """
    found: list[tuple[int, str]] = []
    for path in paths:
        for closed, fd in _hidden.items():
            if path.startswith(f"{closed}/") and not os.path.lexists(path):
                try:
                    found.append((_clone(fd, path[len(closed) + 1 :]), path))
                except FileNotFoundError:
                    continue
    return found


def show_trees(trees: Sequence[tuple[int, str]]) -> None:
    """Mount what `hidden_trees` took in the caller's own mount namespace.

    Raises:
        OSError: If the kernel refuses.
    """
    for tree, path in trees:
        _attach(tree, path)


def close_hidden() -> None:
    """Close the descriptors of hidden folders: a way around the tmpfs."""
    while _hidden:
        os.close(_hidden.popitem()[1])


def _clone(folder: int, path: str) -> int:
    """A detached copy of the mounts below `path`, which holds no link, in `folder`."""
    there = open_plain(path, os.O_PATH, beneath=folder)
    try:
        return syscall(
            "open_tree",
            there,
            b"",
            _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE | _AT_EMPTY_PATH,
        )
    finally:
        os.close(there)


def _attach(tree: int, path: str) -> None:
    """Mount a detached tree at `path`, made if it is not there; takes `tree`."""
    try:
        info = os.stat(tree)
        if info.st_mode & 0o170000 == 0o040000:
            os.makedirs(path, mode=0o755, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        syscall(
            "move_mount",
            tree,
            b"",
            _AT_FDCWD,
            os.fsencode(path),
            _MOVE_MOUNT_F_EMPTY_PATH,
        )
    finally:
        os.close(tree)
