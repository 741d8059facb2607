"""Each attack: stopped by each responsible layer alone, by no other.

That all layers together stop it at every tier is in `test_tiers`. Where an attack may
not have its effect, or this kernel has nothing to attack, the first of its layers is
asked as well: it refuses with an errno of its own, before the kernel's code is reached.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox.linux import credentials
from tests.sandbox.attacks.catalogue import ATTACKS, PAST, Attack
from tests.support.layers import Cell, Outcome, machine_filters

pytestmark = pytest.mark.kernel


def attempt(cell: Cell, attack: Attack, off: tuple[str, ...], **given: Any) -> Outcome:
    """Run the attack with the layers `off`; its grants are the host's folders."""
    need(attack)
    job: dict[str, Any] = {"tier": attack.tier, **attack.job, **given}
    for right in ("read", "write"):
        if right in job:
            job[right] = [cell.host[name] for name in job[right]]
    # Without a uid of its own and without seccomp root has no process limit left,
    # which is refused: here it is not what is looked at.
    modes = {} if "process-limit" in off else {"process-limit": "degradable"}
    return cell.run(attack.code, off=off, modes=modes if off else {}, **job)


def need(attack: Attack) -> None:
    """Skip where the machine has nothing that could be attacked so."""
    if why := lacking(attack):
        pytest.skip(why)


def lacking(attack: Attack) -> str:
    """What the machine does not have that could be attacked, or nothing."""
    if attack.needs and not Path(attack.needs).exists():
        return f"no {attack.needs} on this machine"
    if attack.machine and attack.machine != os.uname().machine:
        return f"only {attack.machine} has it"
    numbers = re.findall(r"\d+", os.uname().release)
    if (int(numbers[0]), int(numbers[1])) < attack.kernel:
        return f"only Linux from {attack.kernel[0]}.{attack.kernel[1]} has it"
    return ""


def summary(outcome: Outcome) -> dict[str, Any]:
    """The report with the posture cut to what matters in a failure."""
    states = {layer.name: layer.state for layer in outcome.posture.layers}
    return {**outcome.report, "posture": states}


def succeeded(attack: Attack, outcome: Outcome) -> bool:
    """Whether the attack did what it came for, or got past every layer of ours."""
    assert "seal_error" not in outcome.report, outcome.report["seal_error"]
    if attack.status is not None:
        # It replaces the process, so there is no result but the exit status.
        done = outcome.report.get("status") == attack.status
        return done and not outcome.errno and "error" not in outcome.report
    return bool(outcome.result) or answered(attack, outcome)


def answered(attack: Attack, outcome: Outcome) -> bool:
    """Whether the kernel's own code refused it, which no layer stood before."""
    return attack.answer is not None and outcome.errno in attack.answer.errnos


def refused(cell: Cell, attack: Attack) -> Outcome:
    """How it ends with the first of its layers alone."""
    others = tuple(attack.layers(root=cell.root)[1:])
    return attempt(cell, attack, others + attack.also_off)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_succeeds_without_the_layers_that_hold_it(
    cell: Cell, attack: Attack
) -> None:
    off = attack.layers(root=cell.root) + attack.also_off
    outcome = attempt(cell, attack, off)

    if machine_filters() and not succeeded(attack, outcome):
        pytest.skip("the container's own filter may hold it as well")
    absent = outcome.errno in attack.absent
    if absent or answered(attack, outcome):
        held = refused(cell, attack)
        assert held.errno == attack.refusal, summary(held)
    if absent:
        pytest.skip(f"nothing to attack so on this machine: {outcome.errno}")
    assert succeeded(attack, outcome), summary(outcome)
    assert outcome.result != PAST, summary(outcome)


ALONE = [
    (attack, layer)
    for attack in ATTACKS
    for layer in dict.fromkeys(
        (*attack.held_by, *attack.root_held_by, *attack.user_held_by)
    )
]


@pytest.mark.parametrize(
    ("attack", "layer"),
    ALONE,
    ids=[f"{layer}: {attack.name}" for attack, layer in ALONE],
)
def test_each_layer_that_holds_it_does_so_alone(
    cell: Cell, attack: Attack, layer: str
) -> None:
    layers = attack.layers(root=cell.root)
    if layer == "capabilities" and not any(credentials.capabilities()):
        pytest.skip("the host has no capability that a worker could lack")
    if layer == "rlimits" and attack.also_off:
        return  # it holds nobody who has root's rights: the tiers' test says more

    others = tuple(name for name in layers if name != layer)
    outcome = attempt(cell, attack, others + attack.also_off)

    if outcome.posture[layer].state in ("degraded", "missing"):
        pytest.skip(f"not to be had here: {outcome.posture[layer].detail}")
    if outcome.errno in attack.absent and outcome.errno != attack.refusal:
        pytest.skip(f"nothing to attack so on this machine: {outcome.errno}")
    assert not succeeded(attack, outcome), summary(outcome)
    if layer == layers[0] == "seccomp" and outcome.errno:
        assert outcome.errno == attack.refusal, summary(outcome)


def test_a_number_of_the_x32_machine_kills(cell: Cell) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("only x86-64 has x32 numbers")

    code = "raw_syscall(0x40000000 | 39); result = True"

    held = cell.run(code)
    # Without the filter root could fork, and without a uid nothing would count it.
    free = cell.run(code, off=["seccomp", "process-limit"])

    assert held.signal == 31  # SIGSYS
    if machine_filters() and free.signal == held.signal:
        pytest.skip("the container's own filter kills it as well")
    assert free.errno == "ENOSYS" or free.result


def test_a_cpu_spin_ends_at_the_limit(cell: Cell) -> None:
    code = """
        import time
        while time.process_time() < 2.3:
            pass
        result = True
    """

    held = cell.run(code, limits={"cpu_seconds": 1})
    free = cell.run(code, limits={"cpu_seconds": 1}, off=["rlimits"])

    assert held.signal == 24  # SIGXCPU
    assert free.result


def test_its_own_limits_cannot_be_raised(cell: Cell) -> None:
    code = """
        import resource
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))
        except ValueError:
            result = resource.getrlimit(resource.RLIMIT_NOFILE)[1] == hard
    """

    assert cell.run(code).result is True


def test_stat_of_a_host_file_is_not_prevented(cell: Cell) -> None:
    """The documented leak: names and sizes are visible without a mount namespace."""
    outcome = cell.run("import os; result = os.stat(host['secret']).st_size")

    assert outcome.result == len("the host's secret")
