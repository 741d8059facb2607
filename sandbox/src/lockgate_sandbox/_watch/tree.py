"""Process trees as ``/proc`` shows them: who descends from whom, and their end.

Runs in the host, the keeper and a worker's warden; imports next to nothing.
"""

# A sampler's inner loop, and the keeper's: no pathlib.
# ruff: noqa: PTH110, PTH123, PTH208

from __future__ import annotations

import os
import time

from lockgate_sandbox.linux import pidfd

__all__ = [
    "SIGHT_REMEDY",
    "children",
    "cpu_clock",
    "cpu_seconds",
    "descendants",
    "end",
    "is_below",
    "is_ending",
    "is_hidden",
    "kill_descendants",
    "parent_of",
    "reap",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

SIGHT_REMEDY = "mount /proc without hidepid, or with a gid= that the host has"
"""Where ``/proc`` does not show what this walks (proc(5))."""

_GENERATIONS_LIMIT = 64
_PF_EXITING = 4  # include/linux/sched.h; the flags of proc_pid_stat(5)
_SIGKILL = 9
_SIGSTOP = 19


def children(pid: int) -> list[int]:
    """The living and dead children of `pid`, of all its threads."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
        except FileNotFoundError:
            # The thread is gone, or the kernel has no CONFIG_PROC_CHILDREN.
            if os.path.exists(f"/proc/{pid}/task/{thread}"):
                return _children_by_scan(pid)
        except OSError:
            continue
    return found


def _children_by_scan(parent: int) -> list[int]:
    found: list[int] = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                # The name in parentheses may hold anything, even ")".
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(name))
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of one process, to the nanosecond; 0 if it is gone."""
    try:
        return time.clock_gettime(cpu_clock(pid))
    except OSError:
        return 0.0


def cpu_clock(pid: int) -> int:
    """The clock that counts the CPU time of one process, for `time.clock_gettime`."""
    # clock_getcpuclockid(3): the pid inverted, type 2 (scheduler's clock).
    return (~pid << 3) | 2


def descendants(pid: int) -> list[int]:
    """Everything below `pid`, parents before their children."""
    found = children(pid)
    for child in found:  # grows while it is walked
        found += children(child)
    return found


def is_below(pid: int, root: int) -> bool:
    """Whether `root` is the parent of `pid`, or its parent's, and so on."""
    for _ in range(_GENERATIONS_LIMIT):
        pid = parent_of(pid)
        if pid == root:
            return True
        if pid <= 1:
            return False
    return False


def parent_of(pid: int) -> int:
    """The parent's pid; 0 if `pid` is gone."""
    return _number(pid, 1)


def is_ending(pid: int) -> bool:
    """Whether the first thread of `pid` is on its way out (PF_EXITING), or is out."""
    return bool(_number(pid, 6) & _PF_EXITING)


def is_hidden(pid: int) -> bool:
    """Whether ``/proc`` does not show a process that is there (hidepid, proc(5)).

    A program whose file its user may not read is shown to nobody else of that user's.
    """
    # In this order: one that ends meanwhile is gone for the second question too. And
    # without a descriptor: a host that has none left hides nothing.
    if os.access(f"/proc/{pid}/stat", os.R_OK):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # A number that somebody else has by now is told of as his.
    return not os.access(f"/proc/{pid}/stat", os.R_OK)


def _number(pid: int, at: int) -> int:
    """What `/proc/PID/stat` has `at` places behind the state; 0 if `pid` is gone."""
    # Of a start with preloaded modules several are asked for: the quickest way.
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(os.read(fd, 4096).rpartition(b")")[2].split()[at])
    except OSError:
        return 0
    finally:
        os.close(fd)


def end(pid: int, parents: Container[int], number: int = _SIGKILL) -> bool:
    """Send a signal to `pid` if it is a child of one of `parents`; whether it was.

    A child of this process is known without ``/proc``, which may hide it.
    """
    own = os.getpid() in parents
    return pidfd.send(
        pid, number, lambda one: parent_of(one) in parents or (own and _is_own(one))
    )


def _is_own(pid: int) -> bool:
    """Whether `pid` is a child of this process that nobody has reaped."""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def reap(*, block: bool = False) -> list[tuple[int, int, float, int]]:
    """Collect every dead child: (pid, wait status, CPU seconds, peak KiB).

    With `block`, wait for one to die if none is dead yet.
    """
    dead: list[tuple[int, int, float, int]] = []
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0 if block and not dead else os.WNOHANG)
        except ChildProcessError:
            return dead
        if not pid:
            return dead
        cpu = usage.ru_utime + usage.ru_stime
        dead.append((pid, status, cpu, usage.ru_maxrss))


def kill_descendants(spare: frozenset[int] = frozenset()) -> None:
    """Stop, then kill everything below this process, which must be a subreaper.

    Orphans come back to a subreaper, so nothing escapes by double forking.
    Stopping first keeps a fork bomb from outrunning the killer. `spare` names
    children that stay, with all below them. Whatever is dead stays to be reaped. What
    is below a child that ``/proc`` hides comes back to this process when that is dead.
    """
    me = os.getpid()
    seen = {me}
    while True:
        found: list[int] = []
        for child in children(me):
            if child not in spare:
                found += [child, *descendants(child)]
        fresh = [pid for pid in found if pid not in seen]
        if not fresh:
            break
        seen.update(fresh)
        for pid in fresh:
            end(pid, seen, _SIGSTOP)
    for pid in seen - {me}:
        end(pid, seen)
