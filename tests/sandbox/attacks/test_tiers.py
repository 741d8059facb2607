"""Each attack at each tier, with namespaces and without: out of reach, or stated.

The host is root or an ordinary user, and its sandbox a real one: keeper, zygote,
warden, worker. What a tier may do is said in the catalogue (`reach`) and shown here
too, so that a right that got lost is seen like one that was won.
"""

from __future__ import annotations

import subprocess

import pytest

from lockgate_sandbox import Tier
from tests.sandbox.attacks.catalogue import ATTACKS, RUNGS
from tests.sandbox.attacks.matrix import mistake, outcomes
from tests.support.everywhere import NAMESPACES, Setting, there
from tests.support.layers import Cell
from tests.support.sandbox import TIERS

pytestmark = pytest.mark.kernel

_LOOK = """
import os
result = {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in host["spaces"]}
"""
"""The namespaces that a process is in, by their numbers."""


def able(setting: Setting) -> bool:
    """Whether a program that is none of ours can enter them all in `setting`."""
    wanted = ["--mount", "--ipc", "--net", "--pid", "--fork", "--mount-proc"]
    user = [] if setting.root else ["--user", "--map-current-user"]
    command = there(["unshare", *user, *wanted, "true"], setting)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("rung", RUNGS)
def test_no_tier_lets_an_attack_succeed_unless_it_says_so(
    placed: tuple[Cell, Setting], rung: str
) -> None:
    cell, setting = placed
    if setting.namespaces and not able(setting):
        pytest.skip("nobody can enter namespaces here")
    layers = NAMESPACES if setting.root else (*NAMESPACES, "user-namespace")
    state = "active" if setting.namespaces else "missing"
    mistakes: dict[str, str] = {}
    count = 0
    for attack, outcome in outcomes(cell, rung):
        count += 1
        if said := mistake(cell, rung, attack, outcome):
            mistakes[attack.name] = said
        else:
            assert {outcome.posture[name].state for name in layers} == {state}

    assert not mistakes
    assert count >= 300


def test_a_worker_with_modules_preloaded_lets_no_more_succeed(
    placed: tuple[Cell, Setting],
) -> None:
    cell, _ = placed
    mistakes: dict[str, str] = {}
    for attack, outcome in outcomes(cell, "basic", preload=["json"]):
        if said := mistake(cell, "basic", attack, outcome):
            mistakes[attack.name] = said
        else:
            assert "loaded" in outcome.posture["seccomp"].detail

    assert not mistakes


@pytest.mark.parametrize("tier", TIERS)
def test_a_worker_is_in_namespaces_of_its_own_or_in_none(
    placed: tuple[Cell, Setting], tier: Tier
) -> None:
    cell, setting = placed
    entered = {"net", "ipc", "mnt", "pid", *([] if setting.root else ["user"])}
    if setting.namespaces and not able(setting):
        pytest.skip("nobody can enter namespaces here")
    assert able(setting) == setting.namespaces

    seen = cell.run(_LOOK, tier=tier, worker=True).result

    own = {kind for kind, number in seen.items() if number != cell.host["spaces"][kind]}
    assert own == (entered if setting.namespaces else set())


def test_the_catalogue_names_each_attack_once_and_every_right() -> None:
    names = [attack.name for attack in ATTACKS]

    assert len(names) >= 300
    assert len(set(names)) == len(names)
    assert all(set(attack.reach) <= set(RUNGS) for attack in ATTACKS)
    # Nothing is in the reach of the lowest tier.
    assert not any("read-only" in attack.reach for attack in ATTACKS)
