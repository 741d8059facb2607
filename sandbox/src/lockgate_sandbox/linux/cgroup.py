"""Control groups: limits for a whole tree of processes, where we may make them.

Version 2 with the controllers delegated to us, or version 1 with a writable
hierarchy per controller. Both count shared memory, which no limit of a process
does. A group belongs to whoever opened it, must be closed, and leaves nothing
behind.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH102, PTH106, PTH118, PTH123

from __future__ import annotations

import errno
import os
import time

from lockgate_sandbox.linux._libc import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Parent = tuple[str, str]

__all__ = ["CONTROLLERS", "Group", "find_parents", "join", "open_group"]

CONTROLLERS = ("pids", "memory")

REMEDY = (
    "give this process a cgroup that it may divide: a systemd unit or user scope "
    "with Delegate=yes, or a container with a writable cgroup file system"
)

_SIGKILL = 9
_REMOVE_SECONDS = 2.0
_serial = 0


def find_parents() -> tuple[list[Parent], str]:
    """(controller, folder) pairs under which groups can be made, and why not all.

    Each folder was tried: a group was made in it, limited and removed.
    """
    found: list[Parent] = []
    reasons: list[str] = []
    for controller in CONTROLLERS:
        why = f"no {controller} controller is mounted"
        for folder in _candidates(controller):
            why = _try_parent(controller, folder)
            if not why:
                found.append((controller, folder))
                break
        if why:
            reasons.append(f"{controller}: {why}")
    return found, "; ".join(reasons)


def _candidates(controller: str) -> list[str]:
    """The caller's own group for `controller`, then its parents, nearest first."""
    own: dict[str, str] = {}
    for line in _lines("/proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            own[name] = path
    for line in _lines("/proc/self/mountinfo"):
        fields = line.split(" ")
        after = fields[fields.index("-") + 1 :]
        root, point, kind = fields[3], fields[4], after[0]
        if kind == "cgroup" and controller in after[2].split(","):
            return _chain(point, root, own.get(controller, ""), controller, 1)
    for line in _lines("/proc/self/mountinfo"):
        fields = line.split(" ")
        if fields[fields.index("-") + 1] == "cgroup2":
            return _chain(fields[4], fields[3], own.get("", ""), controller, 2)
    return []


def _chain(
    point: str, root: str, path: str, controller: str, version: int
) -> list[str]:
    """The folders from `path` (as /proc shows it) up to the mount point."""
    relative = path.removeprefix(root.rstrip("/")).strip("/")
    parts = relative.split("/") if relative and ".." not in relative else []
    found = [os.path.join(point, *parts[:end]) for end in range(len(parts), -1, -1)]
    if version == 1:
        # Above its own group a version 1 process would leave its own limits.
        return found[:1]
    return [
        folder
        for folder in found
        if controller in " ".join(_lines(f"{folder}/cgroup.subtree_control")).split()
    ]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _try_parent(controller: str, folder: str) -> str:
    """An empty text if a limited group can be made in `folder`, else why not."""
    try:
        group = open_group([(controller, folder)], processes=4, memory_bytes=1 << 24)
    except OSError as error:
        return reason(error)
    group.close()
    return ""


class Group:
    """A control group of ours: one folder per hierarchy.

    Attributes:
        folders: The folders, each once; what `join` takes.
    """

    def __init__(self, folders: Sequence[str], controllers: Sequence[str]) -> None:
        self.folders = tuple(folders)
        self.controllers = tuple(controllers)

    def __enter__(self) -> Group:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def add(self, pid: int) -> None:
        """Move process `pid` into the group.

        Raises:
            OSError: If the kernel refuses or the process is gone.
        """
        for folder in self.folders:
            _write(f"{folder}/cgroup.procs", str(pid))

    def processes(self) -> list[int]:
        """The ids of all processes in the group."""
        found: set[int] = set()
        for folder in self.folders:
            found.update(map(int, _lines(f"{folder}/cgroup.procs")))
        return sorted(found)

    def memory_bytes(self) -> int:
        """What the group uses now, shared memory and page cache included."""
        return self._number("memory.current", "memory.usage_in_bytes")

    def peak_memory_bytes(self) -> int:
        """The most it ever used; 0 where the kernel does not say."""
        return self._number("memory.peak", "memory.max_usage_in_bytes")

    def memory_kills(self) -> int:
        """How many processes the kernel killed for the memory limit."""
        return self._event(("memory.events", "memory.oom_control"), "oom_kill")

    def refused_processes(self) -> int:
        """How many forks were refused for the process limit."""
        return self._event(("pids.events",), "max")

    def _number(self, *names: str) -> int:
        for folder in self.folders:
            for name in names:
                lines = _lines(f"{folder}/{name}")
                if lines and lines[0].isdigit():
                    return int(lines[0])
        return 0

    def _event(self, names: Sequence[str], key: str) -> int:
        for folder in self.folders:
            for name in names:
                for line in _lines(f"{folder}/{name}"):
                    word, _, count = line.partition(" ")
                    if word == key and count.isdigit():
                        return int(count)
        return 0

    def kill(self) -> None:
        """Send SIGKILL to every process in the group, forks in flight included."""
        for folder in self.folders:
            try:
                _write(f"{folder}/cgroup.kill", "1")
            except OSError:  # version 1, or before Linux 5.14
                continue
            return
        # Without cgroup.kill a fork can slip between reading and killing, so
        # until nothing is left.
        until = time.monotonic() + _REMOVE_SECONDS
        while (left := self.processes()) and time.monotonic() < until:
            for pid in left:
                try:
                    os.kill(pid, _SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.001)

    def close(self) -> None:
        """Kill what is in the group and remove it; twice does no harm.

        Raises:
            OSError: If a folder cannot be removed within two seconds.
        """
        for folder in self.folders:
            self._remove(folder)

    def _remove(self, folder: str) -> None:
        until = time.monotonic() + _REMOVE_SECONDS
        while True:
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                return
            except OSError as error:
                # EBUSY while a killed process is not reaped yet.
                if error.errno != errno.EBUSY or time.monotonic() > until:
                    raise
                self.kill()
                time.sleep(0.002)
            else:
                return


def open_group(
    parents: Sequence[Parent], *, processes: int, memory_bytes: int
) -> Group:
    """A new, empty group under `parents` with these limits.

    Raises:
        OSError: If it cannot be made or limited; nothing is left behind.
    """
    global _serial
    _serial += 1
    name = f"lockgate-{os.getpid()}-{_serial}"
    folders = list(dict.fromkeys(os.path.join(at, name) for _, at in parents))
    group = Group(folders, [controller for controller, _ in parents])
    try:
        for folder in folders:
            os.mkdir(folder, 0o755)
        for controller, at in parents:
            _limit(os.path.join(at, name), controller, processes, memory_bytes)
    except BaseException:
        group.close()
        raise
    return group


def _limit(folder: str, controller: str, processes: int, memory_bytes: int) -> None:
    """Write the limits of one controller, by the files that exist."""
    if controller == "pids":
        _write(f"{folder}/pids.max", str(processes))
    elif os.access(f"{folder}/memory.max", os.F_OK):
        _write(f"{folder}/memory.max", str(memory_bytes))
        # Swap would only make the same memory slower to run out of.
        if os.access(f"{folder}/memory.swap.max", os.F_OK):
            _write(f"{folder}/memory.swap.max", "0")
        # The whole tree or nobody: half of it would go on with work missing.
        if os.access(f"{folder}/memory.oom.group", os.F_OK):
            _write(f"{folder}/memory.oom.group", "1")
    else:
        _write(f"{folder}/memory.limit_in_bytes", str(memory_bytes))
        if os.access(f"{folder}/memory.memsw.limit_in_bytes", os.F_OK):
            _write(f"{folder}/memory.memsw.limit_in_bytes", str(memory_bytes))


def join(folders: Sequence[str]) -> None:
    """Move the calling process into the group of `folders`.

    Raises:
        OSError: If the kernel refuses.
    """
    for folder in folders:
        _write(f"{folder}/cgroup.procs", "0")


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
