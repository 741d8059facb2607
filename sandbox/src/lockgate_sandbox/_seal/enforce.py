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

from lockgate_sandbox._seal.bounds import count_scratch
from lockgate_sandbox._seal.child import REMEDIES, Child
from lockgate_sandbox._seal.sealplan import SealPlan
from lockgate_sandbox._seal.steps import STEPS, take_uid
from lockgate_sandbox.linux import landlock, namespaces
from lockgate_sandbox.linux._libc import reason
from lockgate_sandbox.posture import (
    INHERITED,
    LAYERS,
    LayerError,
    LayerState,
    Posture,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockgate_sandbox._seal.plan import Capabilities
    from lockgate_sandbox._seal.steps import Step
    from lockgate_sandbox.layers import Layers
    from lockgate_sandbox.linux import cgroup
    from lockgate_sandbox.policy import Policy

__all__ = [
    "LAYERS",
    "STEPS",
    "SealPlan",
    "open_ruleset",
    "prepare",
    "probe",
    "seal",
]


def seal(
    plan: SealPlan,
    *,
    keep_fds: Sequence[int],
    ruleset: int = -1,
    warden: int = -1,
    left: list[int] | None = None,
    files_later: bool = False,
) -> Posture:
    """Lock the calling process down as `plan` says, for good.

    Must run in a single-threaded process, before its first foreign byte. Closes
    every descriptor from 3 up but `keep_fds`. `ruleset` is a Landlock ruleset
    from `open_ruleset` (closed here); without one it is built now, which takes
    some 0.3 ms longer. `warden` is a socket of a warden that can count processes
    (closed here). With `left` the ruleset stays open and is put there.
    With `files_later` the caller sets the limit of open files, before anything foreign.

    Raises:
        LayerError: If a strict layer could not be put in place. The process is
            then in an undefined state between the steps and must end.
    """
    child = Child(plan, keep_fds, ruleset, warden, left, files_later)
    states: list[LayerState] = []
    for layer, step in STEPS:
        state = _run(child, layer, step)
        if state is not None:
            states.append(state)
        if layer == "session":
            states += _inherited(plan)
        elif step is count_scratch and warden >= 0:
            os.close(warden)
        elif layer == "scratch":
            # A way around the zygote's tmpfs, needed by no later step.
            namespaces.close_hidden()
        if layer == "process-limit":
            namespaces.close_outer_proc()
    order = {name: place for place, name in enumerate(LAYERS)}
    states.sort(key=lambda state: order[state.name])
    return Posture(tuple(states), child.uid, child.abi)


def _run(child: Child, layer: str, step: Step) -> LayerState | None:
    """One step under its layer's mode; None from the other step of a layer."""
    mode = child.plan.modes.get(layer, "strict")
    if mode == "off":
        if step in (take_uid, count_scratch):
            return None
        return LayerState(layer, "off", "switched off by the caller")
    try:
        state = step(child)
    except OSError as error:
        if step is take_uid:
            # Half a change of credentials is no state to go on from.
            raise LayerError(layer, reason(error), REMEDIES[layer]) from error
        detail = reason(error)
        state = LayerState(layer, "missing", detail, REMEDIES.get(layer, ""))
    if state is not None and state.state == "missing" and mode == "strict":
        raise LayerError(layer, state.detail, state.remedy)
    return state


def _inherited(plan: SealPlan) -> list[LayerState]:
    """The layers that the zygote took for all its children."""
    known = {state.name: state for state in namespaces.inherited()}
    found: list[LayerState] = []
    for name in INHERITED:
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


def open_ruleset(plan: SealPlan) -> int:
    """A Landlock ruleset for `plan`, to be handed to `seal`; the caller owns it.

    Can be opened long before, in another process, and used by any number of
    children. Not for a plan with a scratch folder: its tmpfs does not exist
    before the seal, so the child has to build the ruleset itself.

    Raises:
        OSError: If the kernel refuses.
    """
    return landlock.open_ruleset(plan.rules, plan.abi, plan.identities)


def probe() -> Capabilities:
    """What this machine lets us enforce; found once per process, then kept.

    Host side: see `lockgate_sandbox._seal.plan.probe`.
    """
    from lockgate_sandbox._seal import plan

    return plan.probe()


def prepare(
    policy: Policy,
    modes: Layers | None = None,
    *,
    path: Sequence[str] = (),
    scratch: str | None = None,
    group: cgroup.Group | None = None,
    capabilities: Capabilities | None = None,
    abi: int | None = None,
) -> SealPlan:
    """The plan that `policy` means on this machine.

    Host side: see `lockgate_sandbox._seal.plan.prepare`.

    Raises:
        PolicyError: If a mode names an unknown layer or an unknown mode.
    """
    from lockgate_sandbox._seal import plan

    return plan.prepare(
        policy,
        modes,
        path=path,
        scratch=scratch,
        group=group,
        capabilities=capabilities,
        abi=abi,
    )
