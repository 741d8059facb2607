"""Control groups: limits for a whole tree of processes, where we may make them.

Version 2 with the controllers delegated to us, or version 1 with a writable
hierarchy per controller. Both count shared memory, which no limit of a process
does. A group belongs to whoever opened it, must be closed, and leaves nothing
behind. Under which parents it can be made `cgroup_parents` finds out.
"""

# pathlib would cost the zygote more than all of this module.
# ruff: noqa: PTH102, PTH106, PTH118, PTH123

from __future__ import annotations

import errno
import os
import time

from lockgate_sandbox.linux import pidfd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Parent = tuple[str, str]
    """A controller, and the folder of a group that others can be made in for it."""

__all__ = [
    "CONTROLLERS",
    "GPU_REMEDY",
    "REMEDY",
    "Bounds",
    "Group",
    "join",
    "limit",
    "open_group",
]

CONTROLLERS = ("pids", "memory")
"""What bounds a tree; ``cpu`` and ``dmem`` are asked for by their own."""

REMEDY = (
    "give this process a cgroup that it may divide: a systemd unit or user scope "
    "with Delegate=yes, or a container with a writable cgroup file system"
)

GPU_REMEDY = (
    "a kernel from 6.14 with CONFIG_CGROUP_DMEM, a driver that reports its memory "
    "there, and the dmem controller in a cgroup that this process may divide"
)

_CPU_PERIOD_US = 100_000
_CPU_LEAST_US = 1_000
"""The kernel takes no smaller quota (kernel/sched/core.c, min_cfs_quota_period)."""

_SIGKILL = 9
_REMOVE_SECONDS = 2.0
_serial = 0


class Bounds:
    """What a group may use; what has no controller in it is ignored.

    `cpu_share` is of one core, `gpu_memory_bytes` of each region of a GPU's memory.
    """

    __slots__ = ("cpu_share", "gpu_memory_bytes", "memory_bytes", "processes")

    def __init__(
        self,
        *,
        processes: int,
        memory_bytes: int,
        cpu_share: float | None = None,
        gpu_memory_bytes: int | None = None,
    ) -> None:
        self.processes = processes
        self.memory_bytes = memory_bytes
        self.cpu_share = cpu_share
        self.gpu_memory_bytes = gpu_memory_bytes


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
            found.update(map(int, lines_of(f"{folder}/cgroup.procs")))
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
                lines = lines_of(f"{folder}/{name}")
                if lines and lines[0].isdigit():
                    return int(lines[0])
        return 0

    def _event(self, names: Sequence[str], key: str) -> int:
        for folder in self.folders:
            for name in names:
                for line in lines_of(f"{folder}/{name}"):
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
                pidfd.send(pid, _SIGKILL, lambda one: one in self.processes())
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


def open_group(parents: Sequence[Parent], bounds: Bounds) -> Group:
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
            limit(os.path.join(at, name), controller, bounds)
    except BaseException:
        group.close()
        raise
    return group


def limit(folder: str, controller: str, bounds: Bounds) -> None:
    """Write the limits of one controller into a group's folder.

    Raises:
        OSError: If the kernel refuses them.
    """
    if controller == "pids":
        _write(f"{folder}/pids.max", str(bounds.processes))
    elif controller == "memory":
        _limit_memory(folder, bounds.memory_bytes)
    elif controller == "cpu" and bounds.cpu_share is not None:
        _limit_cpu(folder, bounds.cpu_share)
    elif controller == "dmem" and bounds.gpu_memory_bytes is not None:
        _limit_gpu(folder, bounds.gpu_memory_bytes)


def _limit_cpu(folder: str, share: float) -> None:
    quota = max(_CPU_LEAST_US, round(share * _CPU_PERIOD_US))
    if os.access(f"{folder}/cpu.max", os.F_OK):
        _write(f"{folder}/cpu.max", f"{quota} {_CPU_PERIOD_US}")
    else:
        _write(f"{folder}/cpu.cfs_period_us", str(_CPU_PERIOD_US))
        _write(f"{folder}/cpu.cfs_quota_us", str(quota))


def _limit_gpu(folder: str, limit: int) -> None:
    """Bound each region of device memory that a driver has registered."""
    # "REGION max" in each line; cgroup-v2.rst, "DMEM".
    lines = [line.split() for line in lines_of(f"{folder}/dmem.max")]
    regions = [line[0] for line in lines if line]
    if not regions:
        raise OSError(errno.ENODEV, "no driver has registered its memory")
    for region in regions:
        _write(f"{folder}/dmem.max", f"{region} {limit}")


def _limit_memory(folder: str, memory_bytes: int) -> None:
    """The files of whichever version it is."""
    if os.access(f"{folder}/memory.max", os.F_OK):
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


def lines_of(path: str) -> list[str]:
    """The lines of one of the kernel's files; none if it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:
        return []


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
