"""Kernels and containers that offer less: it works, or says what is missing.

Each command runs under a filter of our own that answers as such a machine does
(`tests.support.confine`), as whoever runs the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.confine import NO_LANDLOCK, NO_SECCOMP, command

pytestmark = pytest.mark.kernel

LACKING = [
    pytest.param(NO_LANDLOCK, "landlock", "lsm=landlock", id="no Landlock"),
    pytest.param(NO_SECCOMP, "seccomp", "CONFIG_SECCOMP_FILTER", id="no seccomp"),
]

# An ordinary user has none to drop; root keeps those of a usual container or none.
PLAIN = [
    pytest.param({"container": True, "cgroups": False}, id="container"),
    pytest.param(
        {"container": True, "cgroups": False, "capabilities": False},
        id="container without capabilities",
        marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root has any"),
    ),
]


def confined(
    module: str, *argv: str, cwd: Path, **machine: Any
) -> subprocess.CompletedProcess[str]:
    """``python -m MODULE ARGV`` on that machine, with a home of its own."""
    environment = {**os.environ, "HOME": str(cwd)}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    return subprocess.run(
        command([sys.executable, "-m", module, *argv], **machine),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=cwd,
        env=environment,
    )


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A file that leaves a trace wherever it runs."""
    path = tmp_path / "script.py"
    path.write_text("print('it ran')\n")
    return path


@pytest.mark.parametrize(("refuse", "layer", "remedy"), LACKING)
def test_without_a_strict_layer_a_file_is_not_run(
    refuse: dict[str, str], layer: str, remedy: str, script: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = ("run", "--report", str(report), str(script))

    done = confined("lockgate_sandbox", *options, cwd=tmp_path, refuse=refuse)

    assert done.returncode == 125
    assert done.stdout == ""
    assert f"'{layer}'" in done.stderr
    assert remedy in done.stderr
    error = json.loads(report.read_text())["error"]
    assert error["code"] == "layer-missing"
    assert remedy in error["hint"]


@pytest.mark.parametrize(("refuse", "layer", "remedy"), LACKING)
def test_without_a_strict_layer_a_host_starts_no_worker(
    refuse: dict[str, str], layer: str, remedy: str, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("device_name: lamp\n")
    options = ("call", "generate", f"spec=@{spec}", "--json")

    done = confined("lockgate", *options, cwd=tmp_path, refuse=refuse)

    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "sandbox-unavailable"
    assert error["cause"] == "layer-missing"
    assert error["layer"] == layer
    assert remedy in error["hint"]


@pytest.mark.parametrize(("refuse", "layer", "remedy"), LACKING)
def test_doctor_names_a_missing_strict_layer_and_its_remedy(
    refuse: dict[str, str], layer: str, remedy: str, tmp_path: Path
) -> None:
    done = confined("lockgate", "doctor", "--json", cwd=tmp_path, refuse=refuse)

    assert done.returncode == 1
    problems = {
        check["name"]: check
        for check in json.loads(done.stdout)["checks"]
        if check["state"] == "problem"
    }
    tiers = ("read-only", "basic", "elevated", "admin")
    assert set(problems) == {f"sandbox {tier}" for tier in tiers}
    for check in problems.values():
        assert f"'{layer}'" in check["message"]
        assert remedy in check["hint"]


@pytest.mark.parametrize("machine", PLAIN)
def test_a_plain_container_runs_a_file(
    machine: dict[str, Any], script: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    options = ("run", "--report", str(report), str(script))

    done = confined("lockgate_sandbox", *options, cwd=tmp_path, **machine)

    assert (done.returncode, done.stdout, done.stderr) == (0, "it ran\n", "")
    layers = {
        layer["name"]: layer
        for layer in json.loads(report.read_text())["posture"]["layers"]
    }
    assert layers["landlock"]["state"] == layers["seccomp"]["state"] == "active"
    assert layers["network-namespace"]["state"] == "missing"
    assert "unshare" in layers["network-namespace"]["remedy"]


_BOMB = """
import os
os.chdir(os.environ["TMPDIR"])
try:
    for n in range(1000):
        open(str(n), "w").close()
finally:
    print(len(os.listdir(".")))
"""


@pytest.mark.parametrize("machine", PLAIN)
def test_a_plain_container_counts_files_by_asking_first(
    machine: dict[str, Any], tmp_path: Path
) -> None:
    script, report = tmp_path / "script.py", tmp_path / "report.json"
    script.write_text(_BOMB)
    options = ("run", "--inodes", "50", "--report", str(report), str(script))

    done = confined("lockgate_sandbox", *options, cwd=tmp_path, **machine)

    assert done.stdout == "50\n", done.stderr
    assert "[inode-limit]" in done.stderr
    layers = json.loads(report.read_text())["posture"]["layers"]
    (scratch,) = (layer for layer in layers if layer["name"] == "scratch")
    assert scratch["state"] == "degraded"
    assert "the warden is asked before each of 50 files" in scratch["detail"]


@pytest.mark.parametrize("machine", PLAIN)
def test_doctor_calls_a_plain_container_usable_and_names_what_it_lacks(
    machine: dict[str, Any], tmp_path: Path
) -> None:
    done = confined("lockgate", "doctor", "--json", cwd=tmp_path, **machine)

    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    for tier in ("read-only", "basic", "elevated", "admin"):
        check = checks[f"sandbox {tier}"]
        assert check["state"] == "warning"
        assert "network-namespace is missing" in check["message"]
        assert check["hint"].count("max_user_namespaces") == 1


@pytest.mark.slow
@pytest.mark.parametrize("machine", PLAIN)
def test_the_main_job_runs_in_a_plain_container(
    machine: dict[str, Any], tmp_path: Path
) -> None:
    done = confined("lockgate", "demo", "--out", "out", cwd=tmp_path, **machine)

    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
