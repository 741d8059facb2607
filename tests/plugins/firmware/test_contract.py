"""The contract: complete, plain data, and a scenario that a board can execute."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.firmware import EVERY_KIND, a_spec, make


@pytest.mark.parametrize("platform", EVERY_KIND)
def test_the_contract_is_plain_json_and_equals_the_file(platform: str) -> None:
    product = make(EVERY_KIND[platform])

    assert json.loads(product.files["contract.json"]) == product.contract


@pytest.mark.parametrize("platform", EVERY_KIND)
def test_every_board_can_execute_the_scenario(platform: str) -> None:
    check = pytest.importorskip("lockgate_devices.contract").check_contract

    assert check(make(EVERY_KIND[platform]).contract) == ()


@pytest.mark.parametrize("platform", EVERY_KIND)
def test_every_command_of_the_contract_is_used_by_the_scenario(platform: str) -> None:
    contract: dict[str, Any] = dict(make(EVERY_KIND[platform]).contract)
    called = {step["method"] for step in contract["scenario"] if step["do"] == "call"}

    for peripheral in contract["peripherals"]:
        methods = {command["method"] for command in peripheral["commands"]}
        assert methods <= called


@pytest.mark.parametrize("platform", EVERY_KIND)
def test_every_pin_in_use_has_its_mode_checked(platform: str) -> None:
    contract: dict[str, Any] = dict(make(EVERY_KIND[platform]).contract)
    checked = {step["pin"] for step in contract["scenario"] if step["do"] == "mode"}

    for peripheral in contract["peripherals"]:
        used = {peripheral["pin"], peripheral.get("pin_b")}
        used |= {peripheral.get("direction_pin")}
        assert used - {None} <= checked


def test_the_scenario_goes_one_byte_around_the_line_limit() -> None:
    contract: dict[str, Any] = dict(make(a_spec()).contract)
    limit = contract["serial"]["line_limit"]
    lengths = {
        len(step["line"].encode()): step["reply"]
        for step in contract["scenario"]
        if step["do"] == "send"
    }

    assert lengths[limit] == "err unknown"
    assert lengths[limit + 1] == "err too-long"


def test_the_slowest_spec_stays_within_ten_minutes_of_device_time() -> None:
    spec = a_spec(
        hardware={"board": "mega2560"},
        timing={"BLINK_INTERVAL": 60_000, "SAMPLE_RATE": 60_000},
        peripherals=[
            *({"type": "led", "pin": pin} for pin in range(2, 50)),
            *({"type": "sensor", "pin": f"A{pin}"} for pin in range(16)),
        ],
    )
    contract: dict[str, Any] = dict(make(spec).contract)
    time_ms = sum(
        step.get("ms", 0) + (0 if step.get("same_window") else step.get("within_ms", 0))
        for step in contract["scenario"]
    )

    assert time_ms < 600_000
    assert len(contract["scenario"]) < 5_000


def test_artifacts_name_the_files_that_were_made() -> None:
    product = make(a_spec(), "micropython", "sdk")

    assert product.contract["artifacts"] == {
        "micropython": "micropython/main.py",
        "sdk": "sdk/shelf_light.py",
    }
    assert set(product.files) == {
        "micropython/main.py",
        "sdk/shelf_light.py",
        "contract.json",
        "README.md",
    }


def test_without_an_sdk_the_scenario_sends_lines_instead_of_calls() -> None:
    contract: dict[str, Any] = dict(make(a_spec(), "micropython").contract)

    assert "call" not in {step["do"] for step in contract["scenario"]}
    assert {"do": "send", "line": "led_13 1", "reply": "led_13 1"} in contract[
        "scenario"
    ]
