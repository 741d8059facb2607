"""The steps of the lock-down, each a function that runs in the child.

A step puts one layer in place and says what came of it. It may raise `OSError`:
then its layer is missing, and `_seal.enforce` decides by the layer's mode.
"""

from __future__ import annotations

import os

from lockgate_sandbox._seal.bounds import count_scratch, limit_processes, set_rlimits
from lockgate_sandbox._seal.child import REMEDIES, Child
from lockgate_sandbox._watch import tree
from lockgate_sandbox.linux import (
    cgroup,
    credentials,
    descriptors,
    landlock,
    namespaces,
    seccomp,
)
from lockgate_sandbox.linux._libc import prctl, reason
from lockgate_sandbox.posture import LayerState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Step: TypeAlias = Callable[[Child], LayerState | None]

__all__ = ["STEPS", "take_uid"]

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_LEAST_IMPORTANT = 19

_ROOT_REMEDY = "run as an ordinary user, or with CAP_SETUID and CAP_SETGID"


def _close_descriptors(child: Child) -> LayerState:
    descriptors.close_others(child.keep)
    return LayerState("fds", "active", "all closed but the worker's own")


def _new_session(_child: Child) -> LayerState:
    try:
        os.setsid()
    except PermissionError:
        # Already the leader of its own group: then it is of its session too, or
        # the parent made the group on purpose.
        if os.getsid(0) != os.getpid():
            raise
    return LayerState("session", "active", "no controlling terminal")


def _join_cgroup(child: Child) -> LayerState:
    plan = child.plan
    if plan.cgroup:
        cgroup.join(plan.cgroup)
        child.in_group = True
    counted = [name for name in plan.cgroup_controllers if name in cgroup.CONTROLLERS]
    if not plan.may_fork:
        detail = "one process, so its own limits count all of it"
        return LayerState("cgroup", "unneeded", detail)
    if "memory" not in counted:  # what the group is for: no other layer counts a tree's
        detail = plan.reasons.get("cgroup", "") or "no group was opened for it"
        if counted:
            detail = f"limits {' and '.join(counted)} only, {detail}"
        return LayerState("cgroup", "missing", detail, cgroup.REMEDY)
    detail = f"limits {' and '.join(counted)} of the whole tree"
    return LayerState("cgroup", "active", detail)


def _cpu_share(child: Child) -> LayerState:
    plan = child.plan
    if plan.cpu_share is None:
        return LayerState("cpu-share", "unneeded", "no share is asked for")
    if child.in_group and "cpu" in plan.cgroup_controllers:
        detail = f"cgroup cpu: {plan.cpu_share:g} of a core for the whole tree"
        return LayerState("cpu-share", "active", detail)
    # Weaker: everybody else comes first, but what is idle may be taken whole.
    os.setpriority(os.PRIO_PROCESS, 0, _LEAST_IMPORTANT)
    why = plan.reasons.get("cpu_share", "") or "no group was opened for it"
    detail = f"nice {_LEAST_IMPORTANT} only, so idle cores are taken whole: {why}"
    return LayerState("cpu-share", "degraded", detail, cgroup.REMEDY)


def _gpu_memory(child: Child) -> LayerState:
    plan = child.plan
    if plan.gpu_memory is None:
        detail = "no limit is asked for, or no GPU can be reached"
        return LayerState("gpu-memory", "unneeded", detail)
    if child.in_group and "dmem" in plan.cgroup_controllers:
        detail = f"cgroup dmem: {plan.gpu_memory} bytes of each region"
        return LayerState("gpu-memory", "active", detail)
    why = plan.reasons.get("gpu_memory", "") or "no group was opened for it"
    detail = f"a granted GPU's memory is not limited: {why}"
    return LayerState("gpu-memory", "missing", detail, cgroup.GPU_REMEDY)


def _choose_uid(child: Child) -> LayerState:
    """Decide on a uid while file capabilities can still be looked past."""
    plan = child.plan
    if child.uid != 0:
        return LayerState("uid", "active", f"the ordinary uid {child.uid}")
    if plan.uids is None or not credentials.has_capability(credentials.CAP_SETUID):
        detail = plan.reasons.get("own_uid", "") or "no right to change it"
        return LayerState("uid", "missing", f"stays uid 0: {detail}", _ROOT_REMEDY)
    child.trees = namespaces.hidden_trees([path for path, _ in plan.reach])
    if child.trees:
        namespaces.own_mounts()
        namespaces.show_trees(child.trees)
    uid = credentials.adopt_uid(*plan.uids, namespaces.outer_pid())
    blocked = credentials.unreachable(uid, plan.reach)
    if blocked:
        detail = f"stays uid {child.uid}: another uid could not use {blocked}"
        return LayerState("uid", "missing", detail, REMEDIES["uid"])
    child.uid = uid
    child.own_uid = True
    return LayerState("uid", "active", "one that nobody else has")


def _own_user_namespace(child: Child) -> LayerState:
    plan = child.plan
    if child.own_uid:
        return LayerState("user-namespace", "unneeded", "it has a uid of its own")
    if child.uid == 0:
        # RLIMIT_NPROC never binds the machine's uid 0, whatever it is called in
        # a namespace, so there is nothing to count apart.
        detail = "uid 0 is not counted in any namespace"
        return LayerState("user-namespace", "unneeded", detail)
    if not plan.user_namespace:
        detail = plan.reasons.get("user_namespace", "not permitted here")
        return LayerState("user-namespace", "missing", detail, namespaces.REMEDY)
    namespaces.own_user_namespace()
    child.counted_apart = True
    return LayerState("user-namespace", "active", "its processes are counted apart")


def _scratch(child: Child) -> LayerState | None:
    plan = child.plan
    if plan.scratch is None:
        return LayerState("scratch", "unneeded", "nothing can be written")
    folder, size, inodes = plan.scratch
    owner = (child.uid, child.uid if child.own_uid else os.getegid())
    try:
        if not child.wants("mount-namespace"):
            raise PermissionError(1, "mount namespaces are switched off")
        if not credentials.has_capability(credentials.CAP_SYS_ADMIN):
            raise PermissionError(1, "no right to mount")
        if not child.trees:
            namespaces.own_mounts()
        namespaces.mount_scratch(
            folder, size=size, inodes=inodes, owner=owner, programs=plan.programs
        )
    except OSError as error:
        if child.own_uid:
            os.chown(folder, *owner)
        child.unsized = reason(error)
        return None  # for `count_scratch`
    detail = f"a private tmpfs of {size} bytes and {inodes} files"
    return LayerState("scratch", "active", detail)


def take_uid(child: Child) -> None:
    """The chosen uid, when what only root may do is done."""
    if child.wants("capabilities"):
        # Needs a capability that the change of uid takes away.
        child.bounded = credentials.drop_bounding_set()
    if child.own_uid:
        credentials.become(child.uid)


def _drop_capabilities(child: Child) -> LayerState:
    if not child.own_uid:
        child.bounded = credentials.drop_bounding_set()
        if child.uid == 0 and credentials.has_capability(credentials.CAP_SETGID):
            credentials.drop_groups()
    credentials.drop_capabilities()
    detail = "none, the bounding set is empty too"
    if not child.bounded:
        detail = "none; no right to empty the bounding set, which no_new_privs closes"
    return LayerState("capabilities", "active", detail)


def _no_new_privs(child: Child) -> LayerState:
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # A change of credentials clears the death signal, so not before here.
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if child.plan.hides:
        # Whoever can't see it can neither measure it nor end what it leaves behind.
        detail = (
            "execve adds no right and it dies with its parent; unsealed processes of "
            "its uid may trace it, or /proc would hide it from its host"
        )
        return LayerState("no-new-privs", "active", detail, tree.SIGHT_REMEDY)
    # No other process of the same uid may trace it or read its memory.
    prctl(_PR_SET_DUMPABLE, 0)
    detail = "execve adds no right; it is not traceable and dies with its parent"
    return LayerState("no-new-privs", "active", detail)


def _landlock(child: Child) -> LayerState:
    plan = child.plan
    if not plan.abi:
        detail = plan.reasons.get("landlock", "") or "the kernel does not offer it"
        return LayerState("landlock", "missing", detail, REMEDIES["landlock"])
    if child.ruleset < 0:
        child.ruleset = landlock.open_ruleset(plan.rules, plan.abi, plan.identities)
    landlock.restrict_self(child.ruleset)
    if child.left is None:
        os.close(child.ruleset)
    else:
        child.left.append(child.ruleset)
    child.abi = plan.abi
    detail = f"ABI {plan.abi}"
    if plan.abi < 6 and plan.may_fork:
        detail += ": does not scope signals, and programs may send them"
        return LayerState("landlock", "degraded", detail, "a kernel from 6.12")
    return LayerState("landlock", "active", detail)


def _seccomp(child: Child) -> LayerState:
    plan = child.plan
    if not plan.filters:
        detail = plan.reasons.get("seccomp", "") or "no filter for this machine"
        return LayerState("seccomp", "missing", detail, REMEDIES["seccomp"])
    code, slots = plan.filters["own-uid" if child.own_uid else "shared-uid"]
    seccomp.install(code, slots)
    return LayerState(
        "seccomp", "active", f"{len(code) // seccomp.INSTRUCTION_BYTES} instructions"
    )


STEPS: tuple[tuple[str, Step], ...] = (
    ("fds", _close_descriptors),
    ("session", _new_session),
    ("cgroup", _join_cgroup),
    ("cpu-share", _cpu_share),
    ("gpu-memory", _gpu_memory),
    ("uid", _choose_uid),
    ("user-namespace", _own_user_namespace),
    ("scratch", _scratch),
    ("uid", take_uid),
    ("capabilities", _drop_capabilities),
    ("no-new-privs", _no_new_privs),
    ("process-limit", limit_processes),
    ("scratch", count_scratch),
    ("rlimits", set_rlimits),
    ("landlock", _landlock),
    ("seccomp", _seccomp),
)
"""The lock-down, in order. Each step needs a right that a later one takes away."""
