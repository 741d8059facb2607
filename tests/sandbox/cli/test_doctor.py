"""``lockgate-sandbox doctor``, here and on poorer machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from lockgate_sandbox.posture import LAYERS
from lockgate_sandbox.security import ABIS, NOT_PROMISED, PROMISES
from tests.support.confine import NO_LANDLOCK, NO_SECCOMP, command

pytestmark = pytest.mark.kernel

DOCTOR = [sys.executable, "-m", "lockgate_sandbox", "doctor"]
POOR: dict[str, Any] = {"container": True, "cgroups": False, "capabilities": False}


def run(*argv: str, **machine: Any) -> subprocess.CompletedProcess[str]:
    """The doctor, on a poorer machine if one is described."""
    whole = [*DOCTOR, *argv]
    return subprocess.run(
        command(whole, **machine) if machine else whole,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd="/",
    )


def test_it_shows_every_layer_abi_and_promise() -> None:
    done = run()

    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.strip() for line in done.stdout.splitlines()]
    for name in LAYERS:
        assert any(line.startswith(f"{name} ") for line in lines)
    for abi in ABIS:
        assert any(line.startswith(f"ABI {abi.number} ") for line in lines)
    for promise in PROMISES:
        assert any(line.startswith(promise.text) for line in lines)
    assert f"on {os.uname().machine}, uid {os.geteuid()}" in lines[0]


def test_what_is_promised_nowhere_is_told_by_the_command_itself() -> None:
    assert "doctor --not-promised" in run().stdout
    told = run("--not-promised")
    listed = json.loads(run("--not-promised", "--json").stdout)["not_promised"]

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.count("  instead: ") == len(NOT_PROMISED)
    assert [item["name"] for item in listed] == [item.name for item in NOT_PROMISED]


def test_it_never_says_all_where_something_can_not_be_had() -> None:
    done = run()
    lacking = [
        line.split("  NO")[0].strip()
        for line in done.stdout.splitlines()
        if "  NO " in line and "ABI" not in line
    ]
    verdict = done.stdout.partition("\n\n")[0]
    assert ("Every layer of every tier is active." in verdict) <= (not lacking)
    if "Every layer that the tiers need is active." in verdict:
        assert lacking
        assert all(name in verdict for name in lacking)


def test_json_is_all_there_is() -> None:
    done = run("--json")

    assert json.loads(done.stdout)["ok"] is True


@pytest.mark.parametrize(
    ("refuse", "layer", "remedy"),
    [
        pytest.param(NO_LANDLOCK, "landlock", "lsm=landlock", id="no Landlock"),
        pytest.param(NO_SECCOMP, "seccomp", "CONFIG_SECCOMP_FILTER", id="no seccomp"),
    ],
)
def test_a_missing_strict_layer_is_a_refusal_with_its_remedy(
    refuse: dict[str, str], layer: str, remedy: str
) -> None:
    text = run(refuse=refuse)
    data = run("--json", refuse=refuse)

    assert text.returncode == data.returncode == 125
    assert f"REFUSED read-only: the layer '{layer}' is missing" in text.stdout
    assert remedy in text.stdout
    found = json.loads(data.stdout)
    assert found["ok"] is False
    assert {tier["error"]["code"] for tier in found["tiers"]} == {"layer-missing"}
    assert found["capabilities"]["reasons"][layer]


def test_a_plain_container_is_usable_and_what_it_lacks_is_named() -> None:
    plain = run(**POOR)
    strict = run("--strict", **POOR)
    data = json.loads(run("--json", **POOR).stdout)

    assert (plain.returncode, strict.returncode) == (0, 1)
    assert "MISSING network-namespace (every tier)" in plain.stdout
    verdict = plain.stdout.partition("\n\n")[0]
    assert verdict.endswith(
        "Every tier can be had, and every other layer of it is active."
    )
    # One remedy is told once, behind all that it would give.
    assert verdict.count("max_user_namespaces") == 1
    assert "  to have these: allow user namespaces" in verdict
    less = verdict.splitlines()[-2]
    assert less.startswith("Weaker here, see below: ")
    assert "use more memory than its limit" in less
    assert "read a file" not in less
    assert data["degraded"] is True
    assert data["features"]["network_namespace"]
    assert data["capabilities"]["reasons"]["cgroup"]
    (tier,) = (t for t in data["tiers"] if t["tier"] == "elevated" and t["programs"])
    assert tier["promises"]["memory"] == {"state": "weak", "by": ["measuring"]}
    assert tier["promises"]["read"] == {"state": "held", "by": ["landlock"]}


def test_each_tier_is_held_against_its_own_modes() -> None:
    own = ("--layer", "admin:cgroup=strict", "--layer", "basic:pid-namespace=strict")

    text = run(*own, **POOR)
    found = json.loads(run("--json", *own, **POOR).stdout)

    assert text.returncode == 125
    assert "REFUSED admin +programs: the layer 'cgroup' is missing" in text.stdout
    assert "REFUSED basic: the layer 'pid-namespace' is missing" in text.stdout
    assert "REFUSED elevated" not in text.stdout
    rows = [line.split() for line in text.stdout.splitlines()]
    (row,) = (cells for cells in rows if "landlock" in cells and "refused" in cells)
    assert row.count("active*") == 4
    (row,) = (cells for cells in rows if "cgroup" in cells and "refused" in cells)
    assert row.count("refused") == 2
    modes = {tier["tier"]: tier["modes"] for tier in found["tiers"]}
    assert [modes[tier]["cgroup"] for tier in ("elevated", "admin")] == [
        "degradable",
        "strict",
    ]


def test_a_feature_that_is_refused_is_seen() -> None:
    refuse = {"pidfd_getfd": "EPERM", "openat2": "ENOSYS", "close_range": "ENOSYS"}
    data = json.loads(run("--json", refuse=refuse).stdout)

    assert "openat2" in data["features"]["openat2"]
    assert data["features"]["close_range"]
    assert data["features"]["seccomp_notify"] == ""
    assert data["ok"] is False  # descriptors could not be closed
