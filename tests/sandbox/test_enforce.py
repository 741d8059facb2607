"""Plans and seals: what is done, in what order, and what is said about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lockgate_sandbox
from lockgate_sandbox._seal import enforce
from lockgate_sandbox._seal import plan as _plan
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.policy import Policy, Program
from tests.sandbox.lacking import need, without
from tests.support.layers import Cell

pytestmark = pytest.mark.kernel


def test_the_steps_are_in_the_order_of_the_design() -> None:
    order = list(dict.fromkeys(name for name, _ in enforce.STEPS))

    assert order == [
        "fds",
        "session",
        "cgroup",
        "cpu-share",
        "gpu-memory",
        "uid",
        "user-namespace",
        "scratch",
        "capabilities",
        "no-new-privs",
        "process-limit",
        "rlimits",  # behind what is sent to a warden, which few files would stop
        "landlock",
        "seccomp",
    ]


def test_every_layer_has_a_state_in_every_posture(cell: Cell) -> None:
    for tier in ("read-only", "basic", "elevated", "admin"):
        posture = cell.run("result = 1", tier=tier, scratch=tier != "read-only").posture

        assert tuple(layer.name for layer in posture.layers) == enforce.LAYERS
        for layer in posture.layers:
            assert layer.detail
            if layer.state in ("degraded", "missing"):
                assert layer.remedy, layer


def test_the_baseline_is_active_without_namespaces_or_cgroups(cell: Cell) -> None:
    posture = cell.run("result = 1").posture

    for name in ("fds", "session", "capabilities", "no-new-privs", "rlimits"):
        assert posture[name].state == "active"
    assert posture["landlock"].state == posture["seccomp"].state == "active"


STRICT = ("landlock", "seccomp")


@pytest.mark.parametrize("layer", STRICT)
def test_a_strict_layer_that_is_missing_stops_the_seal(layer: str, cell: Cell) -> None:
    outcome = cell.run("result = 1", capabilities=without(cell, layer))

    assert outcome.report["layer_error"]["layer"] == layer
    assert "made to be missing" in outcome.report["layer_error"]["detail"]
    assert outcome.report["layer_error"]["remedy"]
    assert outcome.result is None


@pytest.mark.parametrize("layer", STRICT)
def test_a_degradable_layer_that_is_missing_is_reported(layer: str, cell: Cell) -> None:
    outcome = cell.run(
        "result = 1", modes={layer: "degradable"}, capabilities=without(cell, layer)
    )

    assert outcome.result == 1
    assert outcome.posture[layer].state == "missing"


def test_a_layer_that_is_off_is_reported_as_off(cell: Cell) -> None:
    posture = cell.run("result = 1", off=["landlock"]).posture

    assert posture["landlock"].state == "off"
    assert posture.abi == 0


@pytest.mark.host("user")
def test_user_namespaces_that_are_forbidden_are_reported(cell: Cell) -> None:
    outcome = cell.run("result = 1", capabilities=without(cell, "user_namespace"))

    assert outcome.posture["user-namespace"].state == "missing"
    assert outcome.posture["process-limit"].state == "degraded"
    assert outcome.result == 1


@pytest.mark.host("root")
def test_without_a_uid_to_take_root_stays_root_and_says_so(cell: Cell) -> None:
    outcome = cell.run(
        "import os; result = (os.getuid(), os.getgroups())",
        capabilities=without(cell, "own_uid"),
    )

    assert outcome.result == [0, []]
    assert outcome.posture["uid"].state == "missing"
    assert "stays uid 0" in outcome.posture["uid"].detail


@pytest.mark.host("root")
def test_root_may_be_kept_from_staying_root(cell: Cell) -> None:
    outcome = cell.run(
        "result = 1",
        modes={"uid": "strict"},
        capabilities=without(cell, "own_uid"),
    )

    assert outcome.report["layer_error"]["layer"] == "uid"
    assert "stays uid 0" in outcome.report["layer_error"]["detail"]
    assert outcome.report["layer_error"]["remedy"]


@pytest.mark.host("root")
def test_root_without_any_process_limit_may_not_fork(cell: Cell) -> None:
    outcome = cell.run(
        "result = 1",
        tier="elevated",
        programs=["/bin/true"],
        capabilities=without(cell, "own_uid"),
    )

    assert outcome.report["layer_error"]["layer"] == "process-limit"


def test_a_grant_that_another_uid_could_not_use_keeps_the_own_uid(cell: Cell) -> None:
    outcome = cell.run(
        "result = open(host['closed'] + '/inner/file').read()",
        tier="elevated",
        read=[cell.host["closed"]],
    )

    assert outcome.result == "inner"
    assert outcome.posture.uid == cell.host["uid"]
    if cell.root and not cell.capabilities()["reasons"]["own_uid"]:
        assert cell.host["closed"] in outcome.posture["uid"].detail


@pytest.mark.host("root")
def test_root_workers_have_uids_that_nobody_else_has(cell: Cell) -> None:
    need(cell, "own_uid")

    uids = {cell.run("import os; result = os.getuid()").result for _ in range(3)}

    assert len(uids) == 3
    assert min(uids) > 65_535


def test_a_plan_survives_as_plain_data() -> None:
    policy = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    plan = enforce.prepare(policy, path=["/usr/lib"], scratch="/tmp")

    data = plan.to_data()

    assert enforce.SealPlan.from_data(data).to_data() == data
    assert data["rules"]


@pytest.mark.parametrize(
    "modes", [{"landlok": "off"}, {"landlock": "maybe"}, {"": "strict"}]
)
def test_a_mode_that_does_not_exist_is_refused(modes: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match=r"known:|mode is"):
        enforce.prepare(Policy.for_tier("basic"), modes)


def test_a_relative_import_folder_is_refused() -> None:
    with pytest.raises(PolicyError, match="absolute"):
        enforce.prepare(Policy.for_tier("basic"), path=["src"])


def test_the_probe_finds_what_seals_then_use() -> None:
    found = _plan.probe()

    assert found.landlock_abi > 0
    assert found.can("seccomp")
    assert not found.can("flying")
    assert found.to_dict()["kernel"] == found.kernel


def test_a_sealed_child_imports_nothing_heavy() -> None:
    folder = str(Path(lockgate_sandbox.__file__).parent)
    script = (
        "import sys, types\n"
        "package = types.ModuleType('lockgate_sandbox')\n"
        "package.__path__ = [sys.argv[1]]\n"
        "sys.modules['lockgate_sandbox'] = package\n"
        "import lockgate_sandbox._seal.enforce\n"
        "print(*sorted(sys.modules))\n"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, folder],
        capture_output=True,
        text=True,
        check=True,
    )

    heavy = {"dataclasses", "typing", "enum", "re", "json", "pathlib", "inspect"}
    assert not heavy & set(done.stdout.split())
