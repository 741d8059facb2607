"""The whole catalogue in real workers, tier by tier: how each attack ends, and may.

The attacks of one policy share a worker, one after the other, as long as it lives.
Those that use up what a worker has, or that a tier permits, get one each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import dedent
from typing import Any

from tests.sandbox.attacks.catalogue import ATTACKS, Attack
from tests.sandbox.attacks.test_layers import lacking, succeeded
from tests.support.layers import Cell, Outcome, machine_filters

__all__ = ["UNBOUNDED", "in_turn", "mistake", "outcomes"]

UNBOUNDED = "hide bytes in files that it has deleted"
"""What nothing bounds in a scratch folder that is no tmpfs: the posture says so."""

TOGETHER = ("start more threads than its limit", "start more processes than its limit")
"""What is bounded for all workers of an environment together, as the posture says."""

SHARED = "make shared anonymous memory without a limit"
"""What a control group counts: where there is one it may be made, up to the limit."""

_IN_TURN = 40
"""Attacks in one worker: each may leave a descriptor or two behind."""

_COUNTED = {"scratch", "process-limit"}
"""Layers in whose place somebody may look and kill: more is had for a moment."""

_REFUSALS = {"MemoryError", "OperationalError", "RuntimeError"}
"""What else than an OSError says no: memory, SQLite, a thread that can't be started."""


def outcomes(
    cell: Cell, rung: str, abi: int | None = None, *, preload: Sequence[str] = ()
) -> Iterator[tuple[Attack, Outcome]]:
    """How each attack ends that there is something to attack for.

    In workers of the cell's own sandbox, with the modules `preload` loaded, and with
    a Landlock that pretends to be of the older `abi`.
    """
    given: dict[str, Any] = {"worker": True, "preload": list(preload)}
    if abi is not None:
        given["abi"] = abi
    who = "root" if cell.root else "user"
    groups: dict[str, list[Attack]] = {}
    for attack in ATTACKS:
        if lacking(attack) or attack.who not in ("all", who):
            continue
        job = _job(cell, attack, rung)
        if preload and attack.name in TOGETHER:
            job["linger"] = False
        if _alone(attack, rung):
            yield attack, cell.run(_whole(attack), **job, **given)
        else:
            groups.setdefault(json.dumps(job), []).append(attack)
    for job_text, group in groups.items():
        job = {**json.loads(job_text), **given}
        for start in range(0, len(group), _IN_TURN):
            yield from in_turn(cell, group[start : start + _IN_TURN], job)


def _job(cell: Cell, attack: Attack, rung: str) -> dict[str, Any]:
    """The attack's own grants, as far as the rung may carry them."""
    job: dict[str, Any] = {**attack.job, "tier": rung}
    if rung == "programs":
        job["tier"] = "elevated"
        job.setdefault("programs", ["/bin/true"])
    else:
        job.pop("programs", None)
    if rung in ("read-only", "basic"):
        job.pop("write", None)
        job.pop("devices", None)
    job["scratch"] = rung != "read-only"
    # Where somebody looks and kills, what is too much for a moment ends the worker.
    counted = set(attack.held_by) <= _COUNTED and rung not in attack.reach
    job["linger"] = counted and attack.name != UNBOUNDED
    for right in ("read", "write"):
        if right in job:
            job[right] = [cell.host[name] for name in job[right]]
    return job


def _whole(attack: Attack) -> str:
    """Its code, with the part that is left out where one call says enough."""
    code = dedent(attack.code)
    if attack.name == SHARED:
        code += "\nfor at in range(0, len(result), 4096): result[at] = 1"
    return code


def _alone(attack: Attack, rung: str) -> bool:
    """Whether it needs a worker to itself: it may replace, end or fill it."""
    used_up = {"rlimits", *_COUNTED}
    risky = rung in attack.reach or attack.name == SHARED
    return risky or bool(used_up & set(attack.held_by))


def in_turn(
    cell: Cell, attacks: Sequence[Attack], job: dict[str, Any]
) -> Iterator[tuple[Attack, Outcome]]:
    """One after the other, in as few workers as survive them."""
    left = list(attacks)
    while left:
        told = cell.run_many([attack.code for attack in left], **job)
        for outcome in told:
            if outcome is None:
                break
            yield left.pop(0), outcome
        if left:
            yield left[0], cell.run(left[0].code, **job)
            del left[0]


def mistake(
    cell: Cell, rung: str, attack: Attack, outcome: Outcome, *, filtered: bool = False
) -> str:
    """What is wrong about how it ended, or nothing.

    `filtered`: the machine itself may refuse what is in reach.
    """
    if "posture" not in outcome.report:
        return f"did not start: {outcome.report}"
    if outcome.report.get("error", "MemoryError") not in _REFUSALS:
        return f"is no attack here: {outcome.report}"
    degraded = [
        outcome.posture[layer].detail
        for layer in attack.layers(root=cell.root)
        if layer in _COUNTED and outcome.posture[layer].state == "degraded"
    ]
    if not succeeded(attack, outcome):
        lost = rung in attack.reach and not filtered and not machine_filters()
        return f"is in reach and failed: {outcome.report}" if lost else ""
    if rung in attack.reach:
        return ""
    if degraded and outcome.report.get("limit") == "disk-limit":
        return ""  # the look came, and was the end of it
    if attack.name == UNBOUNDED and any("deleted" in said for said in degraded):
        return ""
    if attack.name in TOGETHER and any("together" in said for said in degraded):
        return ""
    return "succeeded"
