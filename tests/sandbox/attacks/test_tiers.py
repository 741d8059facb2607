"""Each attack at each tier, with namespaces and without: out of reach, or stated.

What a tier may do is said in the catalogue (`reach`) and shown here too, so that a
right that got lost is seen like one that was won. Attacks that leave no trace if
they fail share a sealed child, one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.catalogue import ATTACKS, RUNGS, Attack
from tests.sandbox.attacks.test_layers import lacking, succeeded
from tests.support.layers import Cell, Outcome, machine_filters

pytestmark = pytest.mark.kernel

_SHARED = 40
"""Attacks in one child: each may leave a descriptor or two behind."""

_MAYBE = {"scratch", "process-limit"}
"""Layers that not every machine has: there the host itself counts."""


def job_at(cell: Cell, attack: Attack, rung: str) -> dict[str, Any]:
    """The attack's own grants, as far as the rung may carry them."""
    job: dict[str, Any] = {**attack.job, "tier": rung}
    if rung == "programs":
        job["tier"] = "elevated"
        job.setdefault("programs", ["/bin/true"])
    else:
        job.pop("programs", None)
    if rung in ("read-only", "basic"):
        job.pop("write", None)
    job["scratch"] = rung != "read-only"
    for right in ("read", "write"):
        if right in job:
            job[right] = [cell.host[name] for name in job[right]]
    return job


def alone(attack: Attack) -> bool:
    """Whether it needs a child to itself: it may replace, end or fill it."""
    limits = {"rlimits", "process-limit", "scratch"}
    mine = attack.status is not None or attack.reach or attack.job.get("scratch")
    return bool(mine) or bool(limits & set(attack.held_by))


def outcomes(
    cell: Cell, rung: str, given: dict[str, Any]
) -> Iterator[tuple[Attack, Outcome]]:
    """How each attack ends that there is something to attack for."""
    groups: dict[str, list[Attack]] = {}
    for attack in ATTACKS:
        who = "root" if cell.root else "user"
        if lacking(attack) or attack.who not in ("all", who):
            continue
        key = attack.name if alone(attack) else json.dumps(job_at(cell, attack, rung))
        groups.setdefault(key, []).append(attack)
    for group in groups.values():
        for start in range(0, len(group), _SHARED):
            some = group[start : start + _SHARED]
            job = {**job_at(cell, some[0], rung), **given}
            told: list[Outcome | None] = [None] * len(some)
            if len(some) > 1:
                told = cell.run_many([attack.code for attack in some], **job)
            for attack, outcome in zip(some, told, strict=True):
                yield attack, outcome or cell.run(attack.code, **job)


def mistake(
    cell: Cell, rung: str, attack: Attack, outcome: Outcome, *, filtered: bool = False
) -> str:
    """What is wrong about how it ended, or nothing.

    `filtered`: the machine itself may refuse what is in reach.
    """
    if "layer_error" in outcome.report:
        # Where nobody can count processes none may be started.
        return "" if rung == "programs" else "did not start"
    layers = attack.layers(root=cell.root)
    held = any(outcome.posture[layer].state == "active" for layer in layers)
    if succeeded(attack, outcome):
        stated = rung in attack.reach or (not held and set(layers) <= _MAYBE)
        return "" if stated else "succeeded"
    lost = rung in attack.reach and not filtered and not machine_filters()
    return f"is in reach and failed: {outcome.report}" if lost else ""


@pytest.mark.parametrize("namespaces", [True, False], ids=["namespaces", "none"])
@pytest.mark.parametrize("rung", RUNGS)
def test_no_tier_lets_an_attack_succeed_unless_it_says_so(
    cell: Cell, rung: str, namespaces: bool
) -> None:
    given: dict[str, Any] = {"zygote": True}
    if not namespaces:
        found = cell.capabilities()
        gone = dict.fromkeys(("user_namespace", "mount_namespace"), "made to miss")
        found["reasons"] = {**found["reasons"], **gone}
        given = {"capabilities": found}
    mistakes: dict[str, str] = {}
    count = 0
    for attack, outcome in outcomes(cell, rung, given):
        count += 1
        if said := mistake(cell, rung, attack, outcome):
            mistakes[attack.name] = said

    assert not mistakes
    assert count >= 200


def test_the_catalogue_names_each_attack_once_and_every_right() -> None:
    names = [attack.name for attack in ATTACKS]

    assert len(names) >= 300
    assert len(set(names)) == len(names)
    assert all(set(attack.reach) <= set(RUNGS) for attack in ATTACKS)
    # Nothing is in the reach of the lowest tier.
    assert not any("read-only" in attack.reach for attack in ATTACKS)
