"""The security model's rules: which layers hold a promise, under which posture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest

from lockgate_sandbox import LayerState, Posture
from lockgate_sandbox.linux.landlock import NEWEST_ABI
from lockgate_sandbox.posture import LAYERS
from lockgate_sandbox.security import ABIS, NOT_PROMISED, PROMISES, Promise, hold

State = Literal["active", "degraded", "missing", "off", "unneeded"]
BY_NAME = {promise.name: promise for promise in PROMISES}


def posture(states: Mapping[str, State] | None = None, abi: int = 7) -> Posture:
    """A posture of active layers but for `states`."""
    layers = [LayerState(name, (states or {}).get(name, "active")) for name in LAYERS]
    return Posture(tuple(layers), 1000, abi)


def test_names_are_used_once() -> None:
    for entries in (PROMISES, NOT_PROMISED):
        names = [entry.name for entry in entries]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda p: p.name)
def test_a_promise_is_held_by_layers_that_exist(promise: Promise) -> None:
    for root in (True, False):
        for programs in (True, False):
            assert set(promise.layers(root=root, programs=programs)) <= set(LAYERS)
    assert promise.layers(root=False, programs=False)


def test_the_abis_are_those_that_are_asked_for() -> None:
    assert [abi.number for abi in ABIS] == list(range(1, len(ABIS) + 1))
    assert [abi.number for abi in ABIS if abi.used][-1] == NEWEST_ABI


@pytest.mark.parametrize(
    ("name", "states", "programs", "how", "layers"),
    [
        ("read", {}, False, "held", ["landlock"]),
        ("read", {"landlock": "off"}, False, "open", []),
        ("tcp", {}, False, "held", ["seccomp"]),
        ("tcp", {"seccomp": "missing"}, False, "open", []),
        ("signals", {}, False, "held", ["landlock", "seccomp"]),
        ("signals", {}, True, "held", ["landlock"]),
        ("memory", {}, False, "held", ["cgroup", "rlimits"]),
        ("memory", {"cgroup": "missing"}, True, "weak", ["measuring"]),
        ("memory", {"cgroup": "unneeded"}, False, "held", ["rlimits"]),
        ("disk", {"scratch": "unneeded"}, False, "held", ["scratch"]),
        ("disk", {"scratch": "degraded"}, False, "weak", ["scratch", "measuring"]),
        ("count", {"process-limit": "degraded"}, False, "weak",
         ["process-limit", "measuring"]),
    ],
)  # fmt: skip
def test_how_a_promise_stands(
    name: str, states: dict[str, State], programs: bool, how: str, layers: list[str]
) -> None:
    found = hold(BY_NAME[name], posture(states), root=False, programs=programs)

    assert found == (how, layers)


def test_an_old_landlock_holds_less() -> None:
    old = posture(abi=3)

    assert hold(BY_NAME["tcp"], old, root=False, programs=False)[1] == ["seccomp"]
    assert hold(BY_NAME["signals"], old, root=False, programs=False)[1] == ["seccomp"]
    assert hold(BY_NAME["signals"], old, root=False, programs=True) == ("open", [])
    assert hold(BY_NAME["signals"], old, root=True, programs=True) == ("held", ["uid"])
    assert hold(BY_NAME["read"], old, root=False, programs=False)[0] == "held"
