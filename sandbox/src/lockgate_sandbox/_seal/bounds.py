"""The steps that bound how much: memory, files, processes, a folder without a size.

Steps like those in `_seal.steps`; here because a warden may have to count.
"""

from __future__ import annotations

import os

from lockgate_sandbox._seal import counter
from lockgate_sandbox._seal.child import REMEDIES, Child
from lockgate_sandbox.linux import cgroup, namespaces, rlimits, seccomp
from lockgate_sandbox.linux._libc import reason
from lockgate_sandbox.posture import LayerState

__all__ = ["count_scratch", "limit_processes", "set_rlimits"]

_ASKED = "{}: the warden is asked before each start"
_RLIMIT_NPROC = 6
_RLIMIT_NOFILE = 7


def set_rlimits(child: Child) -> LayerState:
    # Behind what is sent to the warden: the kernel lets a user have no more descriptors
    # under way than the sender may open, and those of all its workers count.
    rlimits.bound_thread_stacks()
    limits = child.plan.limits
    if child.files_later:
        limits = [limit for limit in limits if limit[0] != _RLIMIT_NOFILE]
    rlimits.apply(limits)
    return LayerState("rlimits", "active", "CPU, memory, file size, open files")


def limit_processes(child: Child) -> LayerState:
    plan = child.plan
    count = plan.processes
    bound = [(_RLIMIT_NPROC, count, count)]
    # The group first: it tells the host what it refused.
    if child.in_group and "pids" in plan.cgroup_controllers:
        return LayerState("process-limit", "active", f"cgroup pids {count}")
    if child.own_uid or child.counted_apart:
        rlimits.apply(bound)
        return LayerState("process-limit", "active", f"RLIMIT_NPROC {count}")
    refused = _why_nobody_is_asked(child)
    if not refused:
        return LayerState("process-limit", "active", _ASKED.format(count))
    if not plan.may_fork and child.wants("seccomp"):
        detail = "seccomp: one process; its threads are counted by the host"
        return LayerState("process-limit", "degraded", detail, cgroup.REMEDY)
    if child.uid != 0:
        total = count + _tasks_of(child.uid)
        rlimits.apply([(_RLIMIT_NPROC, total, total)])
        shared = f"RLIMIT_NPROC {total}, shared with all processes of uid {child.uid}"
        detail = f"{shared} ({refused})"
        return LayerState("process-limit", "degraded", detail, namespaces.REMEDY)
    detail = f"uid 0 has no process limit, there is no pids cgroup, {refused}"
    remedy = f"{REMEDIES['uid']}; or {cgroup.REMEDY}"
    return LayerState("process-limit", "missing", detail, remedy)


def _why_nobody_is_asked(child: Child) -> str:
    """Have the warden asked before each start; why that can't be, or nothing."""
    try:
        return "" if _ask_warden(child, forks=True) else "no warden counts"
    except OSError as error:  # a filter above this process may have a listener
        return f"no warden can count: {reason(error)}"


def count_scratch(child: Child) -> LayerState | None:
    """Have the warden count what is made in a scratch folder without a size."""
    if not child.unsized or child.plan.scratch is None:
        return None
    _, size, inodes = child.plan.scratch
    plain = f"a plain folder ({child.unsized})"
    try:
        if child.asks_for_files or _ask_warden(child, forks=False):
            detail = (
                f"{plain}: the warden is asked before each of {inodes} files is made; "
                f"files are limited one by one, their sum of {size} bytes is measured, "
                "but for what is deleted and still open"
            )
            return LayerState("scratch", "degraded", detail, namespaces.REMEDY)
        refused = "no warden counts"
    except OSError as error:
        refused = f"no warden can count: {reason(error)}"
    detail = (
        f"{plain}: files are limited one by one, their sum and number are measured "
        f"by the host ({refused})"
    )
    return LayerState("scratch", "missing", detail, namespaces.REMEDY)


def _ask_warden(child: Child, *, forks: bool) -> bool:
    """Have starts (if `forks`) and files (if unsized) decided by the warden.

    False if there is none. A process can ask one only, so all is asked for at once.
    """
    plan = child.plan
    files = bool(child.unsized) and "count-files" in plan.filters
    asked = [*(["count-forks"] if forks else []), *(["count-files"] if files else [])]
    program = plan.filters.get("+".join(asked))
    if child.warden < 0 or program is None:
        return False
    listener = seccomp.listen(program[0])
    counter.hand_over(
        child.warden,
        listener,
        plan.processes if forks else 0,
        plan.scratch if files else None,
    )
    child.asks_for_files = files
    return True


def _tasks_of(uid: int) -> int:
    """How many tasks (threads) of `uid` there are now."""
    count = 0
    proc = namespaces.open_outer_proc()
    for name in os.listdir(proc):  # noqa: PTH208
        try:
            if name.isdigit() and os.stat(name, dir_fd=proc).st_uid == uid:
                count += os.stat(f"{name}/task", dir_fd=proc).st_nlink - 2
        except OSError:
            continue
    os.close(proc)
    return count
