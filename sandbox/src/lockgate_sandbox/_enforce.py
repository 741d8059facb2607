"""From a policy to a sealed process: plan, steps, posture.

`prepare` turns a policy into a `SealPlan`: plain data with every path, number
and program resolved, so that the child has nothing to decide but what only it
can know (its process id, whether a uid of its own reaches its folders). `seal`
carries the plan out in the child: `STEPS`, in order, each failing closed.

Modes: a ``strict`` layer that cannot be had raises `LayerError`, a
``degradable`` one is reported as missing, an ``off`` one is not tried.
"""

# This runs in the zygote's children: no pathlib, no dataclasses, no typing.

from __future__ import annotations

import os

from lockgate_sandbox.linux import (
    cgroup,
    credentials,
    descriptors,
    landlock,
    namespaces,
    rlimits,
    seccomp,
)
from lockgate_sandbox.linux._libc import prctl
from lockgate_sandbox.posture import LayerError, LayerState, Posture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Literal, TypeAlias

    from lockgate_sandbox._plan import Capabilities
    from lockgate_sandbox.policy import Policy

    Mode: TypeAlias = Literal["strict", "degradable", "off"]
    LayerModes: TypeAlias = Mapping[str, Mode]
    Step: TypeAlias = Callable[["_Child"], LayerState | None]

__all__ = [
    "LAYERS",
    "STEPS",
    "SealPlan",
    "open_ruleset",
    "prepare",
    "probe",
    "seal",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9
_RLIMIT_NPROC = 6

_REMEDIES = {
    "landlock": (
        "a kernel from 5.13 with Landlock among its security modules (boot option "
        "lsm=landlock,...), and a container profile that permits landlock_*"
    ),
    "seccomp": "a kernel with CONFIG_SECCOMP_FILTER on x86-64 or aarch64",
    "fds": "a kernel from 5.9 (close_range)",
    "uid": (
        "let other users enter the interpreter's and the plugins' folders "
        "(chmod o+x on their parents), or run as an ordinary user"
    ),
    "process-limit": cgroup.REMEDY,
    "cgroup": cgroup.REMEDY,
    "scratch": namespaces.REMEDY,
    "user-namespace": namespaces.REMEDY,
    "mount-namespace": namespaces.REMEDY,
}


_ROOT_REMEDY = "run as an ordinary user, or with CAP_SETUID and CAP_SETGID"


class SealPlan:
    """What a child has to do, as data; made by `prepare`, used once or often.

    Attributes:
        tier: The tier's name.
        modes: Mode of each layer in `LAYERS`.
        abi: The Landlock ABI to use, 0 without.
        rules: (path, Landlock rights) pairs.
        reach: (path, access) pairs that a uid of the worker's own must be able
            to use; without symbolic links.
        filters: Seccomp program and process-id slots, for a worker with a uid
            of its own and for one that shares its uid with others.
        limits: (resource, soft, hard) triples.
        processes: The process limit.
        may_fork: Whether the policy has programs.
        uids: (first, count) of the ids to take one from, or None.
        user_namespace: Whether user namespaces are permitted here.
        scratch: (folder, bytes, inodes) or None.
        cgroup: Folders of the control group to join.
        cgroup_controllers: What that group limits.
    """

    __slots__ = (
        "abi",
        "cgroup",
        "cgroup_controllers",
        "filters",
        "limits",
        "may_fork",
        "modes",
        "processes",
        "reach",
        "reasons",
        "rules",
        "scratch",
        "tier",
        "uids",
        "user_namespace",
    )

    tier: str
    modes: dict[str, str]
    abi: int
    rules: list[tuple[str, int]]
    reach: list[tuple[str, int]]
    filters: dict[str, tuple[bytes, list[int]]]
    limits: list[tuple[int, int, int]]
    processes: int
    may_fork: bool
    uids: tuple[int, int] | None
    user_namespace: bool
    scratch: tuple[str, int, int] | None
    cgroup: list[str]
    cgroup_controllers: list[str]
    reasons: dict[str, str]

    def __init__(self, **fields: object) -> None:
        for name in self.__slots__:
            setattr(self, name, fields[name])

    def to_data(self) -> dict[str, object]:
        """The plan as plain data: lists, dicts, text, numbers and bytes."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> SealPlan:
        """The inverse of `to_data`; tuples may have become lists on the way.

        Raises:
            KeyError: If a field is missing. The data comes from our own host.
        """
        return cls(**{name: data[name] for name in cls.__slots__})


class _Child:
    """What the steps of one seal know of each other."""

    def __init__(self, plan: SealPlan, keep: Sequence[int], ruleset: int) -> None:
        self.plan = plan
        self.keep = [*keep, *namespaces.hidden_descriptors()]
        if ruleset >= 0:
            self.keep.append(ruleset)
        self.ruleset = ruleset
        self.uid = os.geteuid()
        self.own_uid = False
        self.bounded = False
        self.counted_apart = False
        self.in_group = False
        self.trees: list[tuple[int, str]] = []
        self.abi = 0

    def wants(self, layer: str) -> bool:
        """Whether `layer` is not switched off."""
        return self.plan.modes.get(layer) != "off"


def seal(plan: SealPlan, *, keep_fds: Sequence[int], ruleset: int = -1) -> Posture:
    """Lock the calling process down as `plan` says, for good.

    Must run in a single-threaded process, before its first foreign byte. Closes
    every descriptor from 3 up but `keep_fds`. `ruleset` is a Landlock ruleset
    from `open_ruleset` (closed here); without one it is built now, which takes
    some 0.3 ms longer.

    Raises:
        LayerError: If a strict layer could not be put in place. The process is
            then in an undefined state between the steps and must end.
    """
    child = _Child(plan, keep_fds, ruleset)
    states: list[LayerState] = []
    for layer, step in STEPS:
        state = _run(child, layer, step)
        if state is not None:
            states.append(state)
        if layer == "session":
            states += _inherited(plan)
        elif layer == "scratch":
            # A way around the zygote's tmpfs, needed by no later step.
            namespaces.close_hidden()
    order = {name: place for place, name in enumerate(LAYERS)}
    states.sort(key=lambda state: order[state.name])
    return Posture(tuple(states), child.uid, child.abi)


def _run(child: _Child, layer: str, step: Step) -> LayerState | None:
    """One step under its layer's mode; None from the second step of a layer."""
    mode = child.plan.modes.get(layer, "strict")
    if mode == "off":
        if step is _take_uid:
            return None
        return LayerState(layer, "off", "switched off by the caller")
    try:
        state = step(child)
    except OSError as error:
        if step is _take_uid:
            # Half a change of credentials is no state to go on from.
            raise LayerError(layer, str(error), _REMEDIES[layer]) from error
        detail = str(error)
        state = LayerState(layer, "missing", detail, _REMEDIES.get(layer, ""))
    if state is not None and state.state == "missing" and mode == "strict":
        raise LayerError(layer, state.detail, state.remedy)
    return state


def _inherited(plan: SealPlan) -> list[LayerState]:
    """The layers that the zygote took for all its children."""
    known = {state.name: state for state in namespaces.inherited()}
    found: list[LayerState] = []
    for name in ("network-namespace", "ipc-namespace", "mount-namespace"):
        state = known.get(name)
        if state is None and plan.modes.get(name) == "off":
            state = LayerState(name, "off", "switched off by the caller")
        if state is None:
            detail = "the parent process did not enter one"
            state = LayerState(name, "missing", detail, namespaces.REMEDY)
        if plan.modes.get(name) == "strict" and state.state == "missing":
            raise LayerError(name, state.detail, state.remedy)
        found.append(state)
    return found


def _close_descriptors(child: _Child) -> LayerState:
    descriptors.close_others(child.keep)
    return LayerState("fds", "active", "all closed but the worker's own")


def _new_session(_child: _Child) -> LayerState:
    try:
        os.setsid()
    except PermissionError:
        # Already the leader of its own group: then it is of its session too, or
        # the parent made the group on purpose.
        if os.getsid(0) != os.getpid():
            raise
    return LayerState("session", "active", "no controlling terminal")


def _join_cgroup(child: _Child) -> LayerState:
    plan = child.plan
    if not plan.cgroup and not plan.may_fork:
        detail = "one process, so its own limits count all of it"
        return LayerState("cgroup", "unneeded", detail)
    if not plan.cgroup:
        detail = plan.reasons.get("cgroup", "") or "no group was opened for it"
        return LayerState("cgroup", "missing", detail, cgroup.REMEDY)
    cgroup.join(plan.cgroup)
    child.in_group = True
    detail = f"limits {' and '.join(plan.cgroup_controllers)} of the whole tree"
    return LayerState("cgroup", "active", detail)


def _choose_uid(child: _Child) -> LayerState:
    """Decide on a uid while file capabilities can still be looked past."""
    plan = child.plan
    if child.uid != 0:
        return LayerState("uid", "active", f"the ordinary uid {child.uid}")
    if plan.uids is None or not credentials.has_capability(credentials.CAP_SETUID):
        detail = plan.reasons.get("own_uid", "") or "no right to change it"
        return LayerState("uid", "degraded", f"stays uid 0: {detail}", _ROOT_REMEDY)
    child.trees = namespaces.hidden_trees([path for path, _ in plan.reach])
    if child.trees:
        namespaces.own_mounts()
        namespaces.show_trees(child.trees)
    uid = credentials.adopt_uid(*plan.uids)
    blocked = credentials.unreachable(uid, plan.reach)
    if blocked:
        detail = f"stays uid {child.uid}: another uid could not use {blocked}"
        return LayerState("uid", "degraded", detail, _REMEDIES["uid"])
    child.uid = uid
    child.own_uid = True
    return LayerState("uid", "active", f"uid {uid}, which nobody else has")


def _own_user_namespace(child: _Child) -> LayerState:
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


def _scratch(child: _Child) -> LayerState:
    plan = child.plan
    if plan.scratch is None:
        return LayerState("scratch", "unneeded", "nothing can be written")
    folder, size, inodes = plan.scratch
    owner = (child.uid, child.uid if child.own_uid else os.getegid())
    try:
        if not credentials.has_capability(credentials.CAP_SYS_ADMIN):
            raise PermissionError(1, "no right to mount")
        if not child.trees:
            namespaces.own_mounts()
        namespaces.mount_scratch(
            folder, size=size, inodes=inodes, owner=owner, programs=plan.may_fork
        )
    except OSError as error:
        if child.own_uid:
            os.chown(folder, *owner)
        detail = (
            f"a plain folder ({error}): files are limited one by one, their sum "
            "and number are measured by the host"
        )
        return LayerState("scratch", "degraded", detail, namespaces.REMEDY)
    detail = f"a private tmpfs of {size} bytes and {inodes} files"
    return LayerState("scratch", "active", detail)


def _take_uid(child: _Child) -> None:
    """The chosen uid, when what only root may do is done."""
    if child.wants("capabilities"):
        # Needs a capability that the change of uid takes away.
        child.bounded = credentials.drop_bounding_set()
    if child.own_uid:
        credentials.become(child.uid)


def _drop_capabilities(child: _Child) -> LayerState:
    if not child.own_uid:
        child.bounded = credentials.drop_bounding_set()
        if child.uid == 0 and credentials.has_capability(credentials.CAP_SETGID):
            os.setgroups([])
    credentials.drop_capabilities()
    detail = "none, the bounding set is empty too"
    if not child.bounded:
        detail = "none; no right to empty the bounding set, which no_new_privs closes"
    return LayerState("capabilities", "active", detail)


def _no_new_privs(_child: _Child) -> LayerState:
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    # No other process of the same uid may trace it or read its memory.
    prctl(_PR_SET_DUMPABLE, 0)
    # A change of credentials clears the death signal, so not before here.
    prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    detail = "execve adds no right; it is not traceable and dies with its parent"
    return LayerState("no-new-privs", "active", detail)


def _rlimits(child: _Child) -> LayerState:
    rlimits.bound_thread_stacks()
    rlimits.apply(child.plan.limits)
    return LayerState("rlimits", "active", "CPU, memory, file size, open files")


def _process_limit(child: _Child) -> LayerState:
    plan = child.plan
    count = plan.processes
    bound = [(_RLIMIT_NPROC, count, count)]
    if child.own_uid or child.counted_apart:
        rlimits.apply(bound)
        return LayerState("process-limit", "active", f"RLIMIT_NPROC {count}")
    if child.in_group and "pids" in plan.cgroup_controllers:
        return LayerState("process-limit", "active", f"cgroup pids {count}")
    if not plan.may_fork and child.wants("seccomp"):
        detail = "seccomp: one process; its threads are counted by the host"
        return LayerState("process-limit", "degraded", detail, cgroup.REMEDY)
    if child.uid != 0:
        total = count + _tasks_of(child.uid)
        rlimits.apply([(_RLIMIT_NPROC, total, total)])
        detail = f"RLIMIT_NPROC {total}, shared with all processes of uid {child.uid}"
        return LayerState("process-limit", "degraded", detail, namespaces.REMEDY)
    detail = "uid 0 has no process limit, and there is no pids cgroup"
    return LayerState("process-limit", "missing", detail, cgroup.REMEDY)


def _tasks_of(uid: int) -> int:
    """How many tasks (threads) of `uid` there are now."""
    count = 0
    for name in os.listdir("/proc"):  # noqa: PTH208
        try:
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:  # noqa: PTH116
                count += os.stat(f"/proc/{name}/task").st_nlink - 2  # noqa: PTH116
        except OSError:
            continue
    return count


def _landlock(child: _Child) -> LayerState:
    plan = child.plan
    if not plan.abi:
        detail = plan.reasons.get("landlock", "") or "the kernel does not offer it"
        return LayerState("landlock", "missing", detail, _REMEDIES["landlock"])
    if child.ruleset < 0:
        child.ruleset = open_ruleset(plan)
    landlock.restrict_self(child.ruleset)
    os.close(child.ruleset)
    child.abi = plan.abi
    detail = f"ABI {plan.abi}"
    if plan.abi < 6 and plan.may_fork:
        detail += ": does not scope signals, and programs may send them"
        return LayerState("landlock", "degraded", detail, "a kernel from 6.12")
    return LayerState("landlock", "active", detail)


def _seccomp(child: _Child) -> LayerState:
    plan = child.plan
    if not plan.filters:
        detail = plan.reasons.get("seccomp", "") or "no filter for this machine"
        return LayerState("seccomp", "missing", detail, _REMEDIES["seccomp"])
    code, slots = plan.filters["own-uid" if child.own_uid else "shared-uid"]
    seccomp.install(code, slots)
    return LayerState(
        "seccomp", "active", f"{len(code) // seccomp.INSTRUCTION_BYTES} instructions"
    )


STEPS: tuple[tuple[str, Step], ...] = (
    ("fds", _close_descriptors),
    ("session", _new_session),
    ("cgroup", _join_cgroup),
    ("uid", _choose_uid),
    ("user-namespace", _own_user_namespace),
    ("scratch", _scratch),
    ("uid", _take_uid),
    ("capabilities", _drop_capabilities),
    ("no-new-privs", _no_new_privs),
    ("rlimits", _rlimits),
    ("process-limit", _process_limit),
    ("landlock", _landlock),
    ("seccomp", _seccomp),
)
"""The lock-down, in order. Each step needs a right that a later one takes away."""

LAYERS = (
    "fds",
    "session",
    "user-namespace",
    "network-namespace",
    "ipc-namespace",
    "mount-namespace",
    "cgroup",
    "uid",
    "capabilities",
    "no-new-privs",
    "rlimits",
    "process-limit",
    "scratch",
    "landlock",
    "seccomp",
)
"""Every layer of a posture, in the order in which it is shown."""


def open_ruleset(plan: SealPlan) -> int:
    """A Landlock ruleset for `plan`, to be handed to `seal`; the caller owns it.

    Can be opened long before, in another process, and used by any number of
    children. Not for a plan with a scratch folder: its tmpfs does not exist
    before the seal, so the child has to build the ruleset itself.

    Raises:
        OSError: If the kernel refuses.
    """
    return landlock.open_ruleset(plan.rules, plan.abi)


def probe() -> Capabilities:
    """What this machine lets us enforce; found once per process, then kept.

    Host side: see `lockgate_sandbox._plan.probe`.
    """
    from lockgate_sandbox import _plan

    return _plan.probe()


def prepare(
    policy: Policy,
    modes: LayerModes | None = None,
    *,
    path: Sequence[str] = (),
    scratch: str | None = None,
    group: cgroup.Group | None = None,
    capabilities: Capabilities | None = None,
    abi: int | None = None,
) -> SealPlan:
    """The plan that `policy` means on this machine.

    Host side: see `lockgate_sandbox._plan.prepare`.

    Raises:
        PolicyError: If a mode names an unknown layer or an unknown mode.
    """
    from lockgate_sandbox import _plan

    return _plan.prepare(
        policy,
        modes,
        path=path,
        scratch=scratch,
        group=group,
        capabilities=capabilities,
        abi=abi,
    )
