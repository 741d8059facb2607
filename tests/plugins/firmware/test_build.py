"""The command, through the real host: every step in a worker of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest

from lockgate_firmware.generate import TARGETS

SPECS = files("lockgate_firmware") / "pipelines" / "specs"

pytestmark = pytest.mark.slow


def build(name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    with as_file(SPECS / name) as spec:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "lockgate", "firmware", "build"),
                *(str(spec), "--json", *arguments),
            ],
            capture_output=True,
            check=False,
            timeout=200,
        )
    run: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, run


def test_a_spec_is_built_by_sealed_plugins(tmp_path: Path) -> None:
    status, run = build("counter.yaml", "--out", str(tmp_path / "out"))

    assert (status, run["state"]) == (0, "done"), run["error"]
    states = {step["id"]: step["state"] for step in run["steps"]}
    assert {states[step] for step in ("generate", "format", "lint", "simulate")} == {
        "done"
    }
    (generated,) = run["steps"][0]["answers"]
    assert (generated["plugin"], generated["tier"]) == ("firmware", "read-only")
    assert generated["posture"]
    assert (tmp_path / "out" / "micropython" / "main.py").is_file()
    assert (tmp_path / "out" / "micropython" / "main.mpy").is_file()


def test_a_broken_spec_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    status, run = build("broken.yaml", "--out", str(tmp_path / "out"))

    assert (status, run["state"]) == (3, "refused")
    assert len(run["error"]["reasons"]) == 9
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_asked_for_is_made(tmp_path: Path) -> None:
    status, run = build(
        "traffic_light.yaml", "--target", "sdk", "--out", str(tmp_path / "out")
    )

    assert (status, run["state"]) == (0, "done"), run["error"]
    made = {p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")}
    assert made == {"README.md", "contract.json", "sdk"}
    assert "sdk" in TARGETS
