"""Plans and seals: what is done, in what order, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import lockgate_sandbox
from lockgate_sandbox._seal import enforce
from lockgate_sandbox._seal import plan as _plan
from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.policy import Policy, Program
from tests.sandbox.lacking import need, without
from tests.support.confine import command
from tests.support.layers import Base, Cell, Outcome, open_cell

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


@dataclass(frozen=True)
class Gone:
    """How a layer comes to be missing.

    By a `facility` that the probe did not find, by system calls that a machine does
    `refuse`, or because nothing was made for it, as in a cell that has no zygote.
    `job` is what needs it. `ends`: nothing can go on without it, whatever its mode.
    """

    facility: str = ""
    refuse: dict[str, str] = field(default_factory=dict[str, str])
    job: dict[str, Any] = field(default_factory=dict[str, Any])
    host: str = "all"
    ends: bool = False


_TREE: dict[str, Any] = {"tier": "elevated", "programs": ["/bin/true"]}
_RLIMIT_DATA, _RLIMIT_NPROC, _PR_SET_NO_NEW_PRIVS = 2, 6, 38
_GPU: dict[str, Any] = {
    "tier": "elevated",
    "read": ["/dev/dri"],
    "limits": {"gpu_memory_bytes": 1 << 30},
}

GONE = {
    "fds": Gone(refuse={"close_range": "ENOSYS"}),
    "session": Gone(refuse={"setsid": "EPERM"}),
    "cgroup": Gone("cgroup", job=_TREE),
    "gpu-memory": Gone("gpu_memory", job=_GPU),
    "uid": Gone("own_uid", host="root"),
    "user-namespace": Gone("user_namespace", host="user"),
    "network-namespace": Gone(),
    "ipc-namespace": Gone(),
    "mount-namespace": Gone(),
    "pid-namespace": Gone(),
    "scratch": Gone(job={"tier": "basic", "scratch": True, "break_mounts": True}),
    "capabilities": Gone(refuse={"capset": "EPERM"}),
    "no-new-privs": Gone(
        refuse={f"prctl:0={_PR_SET_NO_NEW_PRIVS}": "EINVAL"}, ends=True
    ),
    "process-limit": Gone(refuse={f"prlimit64:1={_RLIMIT_NPROC}": "EPERM"}),
    "rlimits": Gone(refuse={f"prlimit64:1={_RLIMIT_DATA}": "EPERM"}),
    "landlock": Gone("landlock"),
    "seccomp": Gone("seccomp"),
}


def _layers(*, ending: bool) -> list[Any]:
    """The layers to try, each where its host has a use for it."""
    return [
        pytest.param(name, marks=pytest.mark.host(gone.host))
        for name, gone in GONE.items()
        if ending or not gone.ends
    ]


def _without(cell: Cell, layer: str, mode: str, base: Base) -> Outcome:
    """A child that is sealed where `layer` can't be had."""
    gone = GONE[layer]
    job: dict[str, Any] = {**gone.job, "modes": {layer: mode}}
    if gone.facility:
        job["capabilities"] = without(cell, gone.facility)
    if not gone.refuse:
        return cell.run("result = 1", **job)
    uid = cell.host["uid"] if os.geteuid() != cell.host["uid"] else -1
    machine: dict[str, Any] = {"refuse": gone.refuse, "uid": uid}
    with open_cell(base, wrap=lambda argv: command(argv, **machine)) as poorer:
        return poorer.run("result = 1", **job)


@pytest.mark.parametrize("layer", _layers(ending=True))
def test_a_strict_layer_that_is_missing_stops_the_seal(
    layer: str, cell: Cell, base: Base
) -> None:
    outcome = _without(cell, layer, "strict", base)

    assert "layer_error" in outcome.report, outcome.report
    told = outcome.report["layer_error"]
    assert told["layer"] == layer
    assert told["detail"]
    assert told["remedy"]
    assert outcome.result is None


@pytest.mark.parametrize("layer", _layers(ending=False))
def test_a_degradable_layer_that_is_missing_is_reported(
    layer: str, cell: Cell, base: Base
) -> None:
    outcome = _without(cell, layer, "degradable", base)

    assert outcome.result == 1, outcome.report
    assert outcome.posture[layer].state == "missing"
    assert outcome.posture[layer].remedy


def test_every_layer_that_can_be_missing_is_tried() -> None:
    # Somebody always goes first for a share: it is degraded, never gone.
    assert set(GONE) == set(enforce.LAYERS) - {"cpu-share"}


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
