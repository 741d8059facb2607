"""What a process tree uses right now, read from ``/proc`` by the host.

The kernel's own limits come first; this is the layer that counts the *whole*
tree and the memory that no process has mapped. A cheap look (one file a process)
comes first, the exact and costly one only when the cheap one says too much.
"""

# /proc is read twenty times a second: no pathlib.
# ruff: noqa: PTH115, PTH116, PTH123, PTH208

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from lockgate_sandbox._watch import limits as errors_of
from lockgate_sandbox._watch import tree
from lockgate_sandbox._watch.scratch import measure
from lockgate_sandbox._watch.still import Still
from lockgate_sandbox.errors import (
    CpuLimitError,
    DiskLimitError,
    InodeLimitError,
    LimitError,
    MemoryLimitError,
    ProcessLimitError,
    SandboxError,
)
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.tiers import Limits

__all__ = [
    "Sampler",
    "Sum",
    "memory_of",
    "resident_bytes",
    "status_kib",
]

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_MEMORY_FILES = ("/memfd:", "/dev/shm/", "/SYSV")  # noqa: S108 - seen, not used
_DISK_SECONDS = 0.25
"""A scratch folder is walked no more often than this."""


@dataclass(slots=True)
class Sum:
    """What the processes of a tree use together."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    tasks: int = 0
    hidden: bool = False
    """Whether one of them is there that ``/proc`` does not show."""


def _stat(pid: int) -> list[bytes] | None:
    """The fields of ``/proc/PID/stat`` from the third (state) on."""
    try:
        with open(f"/proc/{pid}/stat", "rb", 0) as file:
            return file.read(1024).rpartition(b")")[2].split()
    except OSError:
        return None


class Sampler:
    """Compares one tree with its limits.

    `root` and all below it are counted, but for the memory of `root` itself where
    it is a warden. `scratch` is a folder whose size nobody else bounds.
    `memory_kills` tells how often the kernel killed for the tree's memory.
    """

    def __init__(
        self,
        pid: int,
        root: int,
        limits: Limits,
        scratch: str | None,
        memory_kills: Callable[[], int],
    ) -> None:
        self._pid = pid
        self._root = root
        self._limits = limits
        self._scratch = scratch
        self._memory_kills = memory_kills
        self._disk_due = 0.0
        self.peak_bytes = 0

    def check(self) -> SandboxError | None:
        """The limit that the tree is over, if any, or that nobody can tell."""
        limits = self._limits
        pids = [self._pid]
        if self._root != self._pid:
            pids = tree.descendants(self._root)
        total = self._sum(pids)
        if total.hidden:
            return errors_of.hidden()
        if total.cpu_seconds > limits.cpu_seconds:
            return CpuLimitError(limits.cpu_seconds, total.cpu_seconds, "s")
        if total.tasks > limits.processes:
            unit = "processes and threads"
            return ProcessLimitError(limits.processes, total.tasks, unit)
        memory = memory_of(pids, total.memory_bytes, limits.memory_bytes)
        if self._memory_kills():
            memory = max(memory, limits.memory_bytes)
            return MemoryLimitError(limits.memory_bytes, memory, "bytes")
        if memory > limits.memory_bytes:
            return MemoryLimitError(limits.memory_bytes, memory, "bytes")
        self.peak_bytes = max(self.peak_bytes, memory)
        return self._check_disk()

    def trust(self, posture: Posture) -> None:
        """Leave the scratch folder to whoever the seal found to bound it."""
        if posture["scratch"].state not in ("missing", "off"):
            self._scratch = None

    def note_peak(self) -> None:
        """Read the kernel's own high-water mark of the worker's memory."""
        peak_kib = status_kib(self._pid, b"VmHWM")
        self.peak_bytes = max(self.peak_bytes, peak_kib * 1024)

    def _sum(self, pids: list[int]) -> Sum:
        total = Sum()
        for pid in pids:
            fields = _stat(pid)
            if fields is None:
                total.hidden = total.hidden or tree.is_hidden(pid)
            if fields is None or len(fields) < 22 or fields[0] == b"Z":
                continue
            # utime, stime and those of children already waited for: 14 to 17.
            total.cpu_seconds += sum(map(int, fields[11:15])) / _TICKS
            total.tasks += int(fields[17])
            total.memory_bytes += int(fields[21]) * _PAGE_BYTES
        if self._root != self._pid:
            fields = _stat(self._root)
            # What its dead children had used, and the work that it does for others.
            if fields is not None:
                total.cpu_seconds += sum(map(int, fields[11:15])) / _TICKS
        return total

    def _check_disk(self) -> LimitError | None:
        now = time.monotonic()
        if self._scratch is None or now < self._disk_due:
            return None
        limits = self._limits
        self._disk_due = now + _DISK_SECONDS
        try:
            with Still(self._root):  # else it could keep folders out of sight
                used, inodes = measure(self._scratch, limits.disk_bytes, limits.inodes)
        except OSError:  # a host that has no descriptor left: the next look tells
            return None
        if used > limits.disk_bytes:
            return DiskLimitError(limits.disk_bytes, used, "bytes")
        if inodes > limits.inodes:
            return InodeLimitError(limits.inodes, inodes, "files and folders")
        return None


def status_kib(pid: int, name: bytes) -> int:
    """What ``/proc/PID/status`` says in KiB by that name; 0 if it can't be read."""
    try:
        with open(f"/proc/{pid}/status", "rb", 0) as file:
            # A line of its own: the first one holds a name of the worker's choice.
            after = file.read(4096).partition(b"\n%b:" % name)[2]
    except OSError:
        return 0
    return int(after.split(None, 1)[0]) if after else 0


def resident_bytes(pids: list[int]) -> int:
    """What each process has in memory, added up; shared pages count each time."""
    known = filter(None, map(_stat, pids))
    return sum(int(fields[21]) * _PAGE_BYTES for fields in known if len(fields) > 21)


def memory_of(pids: list[int], rough: int, limit: int) -> int:
    """The memory of a tree, exactly if `rough` and its memory files say too much."""
    memory = rough + _unmapped_bytes(pids)
    return _exact_memory(pids, memory) if memory > limit else memory


def _unmapped_bytes(pids: list[int]) -> int:
    """Memory files that are open: what they hold counts though nobody maps it."""
    seen: dict[int, int] = {}
    for pid in pids:
        try:
            fds = os.listdir(f"/proc/{pid}/fd")
        except OSError:  # another uid's, or gone
            continue
        for fd in fds:
            path = f"/proc/{pid}/fd/{fd}"
            try:
                if os.readlink(path).startswith(_MEMORY_FILES):
                    info = os.stat(path)
                    seen[info.st_ino] = info.st_blocks * 512
            except OSError:
                continue
    return sum(seen.values())


def _exact_memory(pids: list[int], rough: int) -> int:
    """Pages that several processes share, counted once (PSS)."""
    total = shared = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            continue
        except OSError:  # not ours to look at: the rough sum has to do
            return rough
        for line in lines:
            if line.startswith(b"Pss:"):
                total += int(line.split()[1]) * 1024
            elif line.startswith(b"Pss_Shmem:"):
                shared += int(line.split()[1]) * 1024
    # A mapped memory file is in both counts: take the larger of the two.
    return total - shared + max(shared, _unmapped_bytes(pids))
