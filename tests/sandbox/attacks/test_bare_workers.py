"""Each attack in a worker of a real sandbox, with the layers off that hold it.

`test_layers` shows in a sealed child that an attack works, `test_tiers` in a real
worker that it fails. This closes the gap: it fails there for the layers, and not
because a worker comes into the world otherwise than such a child.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.attacks.catalogue import ATTACKS, Attack
from tests.sandbox.attacks.matrix import in_turn
from tests.sandbox.attacks.test_layers import lacking, succeeded
from tests.support.everywhere import NAMESPACES, Setting, settings
from tests.support.layers import Cell, Outcome, machine_filters

pytestmark = pytest.mark.kernel

ANSWERS = {
    "read the host's memory": "EFAULT",
    "write the host's memory": "EFAULT",
    "advise about the host's memory": "ENOMEM",
}
"""What the kernel says, past all layers, who names addresses that the host has not.

The zygote is another program: its children know no address of the host's.
"""

NOTHING = {
    "read through an inherited descriptor",
    "find the host's sockets in memory and use one",
    "read its own environment through /proc",
    "gain a right by a program's file mode",
}
"""What a child of the zygote has nothing for, layers or not.

It inherits no descriptor, socket, variable or bounding set from the host.
"""

LIMITED = {"rlimits", "process-limit", "scratch"}
"""Layers behind which the host itself looks, and ends what goes beyond a limit."""

MOVING = ("unshare", "setns", "clone", "chroot", "pivot_root", "mount")
"""Calls after which a worker is elsewhere: nothing is tried behind them."""


def bare(cell: Cell, attack: Attack) -> dict[str, Any]:
    """The job that tries it without the layers that hold it, nor what stands in."""
    job: dict[str, Any] = {"tier": attack.tier, **attack.job, "worker": True}
    for right in ("read", "write"):
        if right in job:
            job[right] = [cell.host[name] for name in job[right]]
    off = {*attack.layers(root=cell.root), *attack.also_off, *NAMESPACES}
    if "process-limit" in off:
        off.add("cgroup")
    else:
        # Root without a uid of its own and without seccomp has none, and is refused.
        job["modes"] = {"process-limit": "degradable"}
    return {**job, "off": sorted(off)}


def past(attack: Attack, outcome: Outcome) -> bool:
    """Whether it got past its layers: to its end, or to the host's own look."""
    if attack.name in ANSWERS and outcome.errno == ANSWERS[attack.name]:
        return True
    looked = LIMITED & set(attack.held_by) and "limit" in outcome.report
    return bool(looked) or succeeded(attack, outcome)


def outcomes(cell: Cell) -> Iterator[tuple[Attack, Outcome]]:
    """How each ends; who fails behind others is tried in a worker of its own."""
    who = "root" if cell.root else "user"
    groups: dict[str, list[Attack]] = {}
    for attack in ATTACKS:
        if lacking(attack) or attack.name in NOTHING or attack.who not in ("all", who):
            continue
        job = bare(cell, attack)
        if any(word in attack.code for word in MOVING):
            yield attack, cell.run(attack.code, **job)
        else:
            groups.setdefault(json.dumps(job), []).append(attack)
    for text, attacks in groups.items():
        job = json.loads(text)
        for attack, outcome in in_turn(cell, attacks, job):
            if past(attack, outcome) or outcome.errno in attack.absent:
                yield attack, outcome
            else:
                yield attack, cell.run(attack.code, **job)


WHERE = [place for place in settings() if place.namespaces]


@pytest.mark.parametrize("placed", WHERE, indirect=True, ids=str)
def test_it_works_in_a_worker_without_the_layers_that_hold_it(
    placed: tuple[Cell, Setting],
) -> None:
    if machine_filters():
        pytest.skip("the container's own filter may hold it as well")
    failed: dict[str, Any] = {}
    count = 0
    for attack, outcome in outcomes(placed[0]):
        if outcome.errno in attack.absent:
            continue
        count += 1
        if not past(attack, outcome):
            failed[attack.name] = dict(outcome.report)

    assert not failed
    assert count >= 250
