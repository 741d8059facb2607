"""The bundled pipelines and specs."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
import yaml

from lockgate_firmware.boards import PLATFORMS
from tests.support.firmware import failed, make, refusals, simulate

PIPELINES = files("lockgate_firmware") / "pipelines"
GOOD = ("traffic_light", "greenhouse", "counter", "motor_bench")


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((PIPELINES / name).read_text())
    return document


@pytest.mark.parametrize("name", GOOD)
def test_a_bundled_spec_is_built_and_keeps_its_contract(name: str) -> None:
    product = make(load(f"specs/{name}.yaml"))

    assert failed(simulate(product)) == []


def test_the_bundled_specs_are_for_every_platform() -> None:
    assert {load(f"specs/{name}.yaml")["platform"] for name in GOOD} == set(PLATFORMS)


def test_the_broken_spec_is_refused_for_each_thing_that_is_wrong() -> None:
    assert refusals(load("specs/broken.yaml")) == {
        "device_name": "path-in-name",
        "timing.BLINK_INTERVALL": "unknown-key",
        "peripherals[0].pin": "bad-pin",
        "peripherals[1].pin": "pin-input-only",
        "peripherals[2].pin": "pin-no-pull-up",
        "peripherals[3].pin": "pin-not-analog",
        "peripherals[5].pin": "duplicate-pin",
        "peripherals[6].type": "unknown-peripheral",
        "communication.baudrate": "contradiction",
    }


def test_the_demo_builds_every_bundled_spec() -> None:
    demo = load("demo.yaml")
    named = {*demo["inputs"]["specs"]["default"], demo["inputs"]["broken"]["default"]}
    bundled = {f"specs/{entry.name}" for entry in (PIPELINES / "specs").iterdir()}

    assert named == bundled


@pytest.mark.parametrize("name", ["build.yaml", "demo.yaml"])
def test_a_pipeline_names_only_steps_before_it(name: str) -> None:
    known: set[str] = set()
    for step in load(name)["steps"]:
        assert set(step.get("needs", [])) <= known
        known.add(step["id"])
