"""The doctor: what it says is what a worker has."""

from __future__ import annotations

import json

import pytest

from lockgate_sandbox import Policy, Sandbox, Tier
from lockgate_sandbox._seal.fresh import ask_kernel
from lockgate_sandbox.doctor import FEATURES, Examination, examine, examine_tiers
from lockgate_sandbox.posture import LAYERS
from lockgate_sandbox.security import PROMISES
from tests.support.sandbox import TIERS, open_folder

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def found() -> Examination:
    return examine()


def test_each_tier_was_started_also_with_a_program(found: Examination) -> None:
    assert [state.name for state in found.tiers] == [
        "read-only",
        "basic",
        "elevated",
        "elevated +programs",
        "admin",
        "admin +programs",
    ]
    for state in found.tiers:
        assert state.error is None
        assert state.posture is not None
        assert [layer.name for layer in state.posture.layers] == list(LAYERS)


@pytest.mark.parametrize("tier", TIERS)
def test_a_posture_is_that_of_a_worker(found: Examination, tier: Tier) -> None:
    (state,) = (s for s in found.tiers if s.tier is tier and not s.programs)
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "t.py").write_text("def build(session): return print\n")
        worker = sandbox.worker(
            Policy.for_tier(tier), target="t:build", path=[str(folder)]
        )
        states = {layer.name: layer.state for layer in worker.posture.layers}

    assert state.posture is not None
    assert {layer.name: layer.state for layer in state.posture.layers} == states


def test_every_feature_is_looked_for_and_explained(found: Examination) -> None:
    assert set(found.features) == set(FEATURES)


def test_the_probe_gives_the_same_twice() -> None:
    assert ask_kernel("features", "find_features") == ask_kernel(
        "features", "find_features"
    )


def test_everything_is_data(found: Examination) -> None:
    data = json.loads(json.dumps(found.to_dict()))

    assert data["ok"] is True
    assert data["degraded"] == found.degraded
    assert [row["abi"] for row in data["landlock"]] == list(range(1, 10))
    for tier in data["tiers"]:
        assert set(tier["promises"]) == {promise.name for promise in PROMISES}
        assert {stand["state"] for stand in tier["promises"].values()} <= {
            "held",
            "weak",
        }


def test_a_layer_that_is_off_is_seen() -> None:
    with Sandbox.open(layers={"seccomp": "off"}) as weak:
        states = list(examine_tiers(weak, programs=False))

    for state in states:
        stands = {promise.name: how for promise, how, _ in state.promises()}
        assert stands["sockets"] == "open"
        assert stands["read"] == "held"
