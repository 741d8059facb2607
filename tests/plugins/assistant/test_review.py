"""The reviewer: risks of a spec and of a contract, gravest first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import Data, Task, Tree
from lockgate_assistant.review import Reviewer
from lockgate_assistant.risks import contract_risks, spec_risks
from tests.plugins.assistant.support import build

_AGENT = Reviewer()


def _spec(**more: Data) -> dict[str, Data]:
    return {
        "device_name": "x",
        "platform": "esp32",
        "timing": {"BAUD_RATE": 115200},
        "peripherals": [{"type": "led", "pin": 16}],
        **more,
    }


def test_a_plain_spec_has_no_risk() -> None:
    assert spec_risks(_spec()) == []


@pytest.mark.parametrize(
    ("more", "level", "where"),
    [
        ({"wifi": {"ssid": "a", "password": "b"}}, "high", "wifi.password"),
        (
            {"peripherals": [{"type": "led", "pin": 4}, {"type": "led", "pin": "IO4"}]},
            "high",
            "peripherals[1].pin",
        ),
        ({"peripherals": [{"type": "led", "pin": 35}]}, "high", "peripherals[0].pin"),
        (
            {"peripherals": [{"type": "button", "pin": 36}]},
            "high",
            "peripherals[0].pin",
        ),
        ({"peripherals": [{"type": "led", "pin": 12}]}, "medium", "peripherals[0].pin"),
        ({"peripherals": [{"type": "led", "pin": 1}]}, "high", "peripherals[0].pin"),
        (
            {
                "peripherals": [{"type": "sensor", "pin": 26}],
                "communication": {"protocol": "wifi"},
            },
            "high",
            "peripherals[0].pin",
        ),
        ({"peripherals": [{"type": "motor", "pin": 16}]}, "medium", "peripherals[0]"),
        ({"peripherals": [{"type": "display"}]}, "medium", "peripherals[0]"),
        (
            {"timing": {"BLINK_INTERVAL": 50, "BAUD_RATE": 9600}},
            "medium",
            "timing.BLINK_INTERVAL",
        ),
        ({"timing": {}}, "low", "timing"),
        ({"ui_framework": "react"}, "low", "ui_framework"),
    ],
)
def test_each_risk_is_seen_where_it_is(
    more: dict[str, Data], level: str, where: str
) -> None:
    assert (level, where) in [(r.level, r.where) for r in spec_risks(_spec(**more))]


def test_risks_come_gravest_first() -> None:
    spec = _spec(
        ui_framework="react",
        wifi={"password": "b"},
        peripherals=[{"type": "relay", "pin": 2}],
    )

    levels = [risk.level for risk in spec_risks(spec)]

    assert levels == sorted(levels, key=["high", "medium", "low"].index)
    assert levels[0] == "high"
    assert levels[-1] == "low"


def test_a_spec_can_come_as_text() -> None:
    tree = Tree.of({"s.yaml": "platform: esp32\nwifi: {password: hunter2}\n"})
    task = Task("review", "", {}, tree)

    text = _AGENT.complete(task).text

    assert _AGENT.can_handle(task) == 1.0
    assert text.startswith("1. [high] wifi.password:")
    assert "hunter2" not in text


def test_a_text_that_is_no_yaml_is_a_note() -> None:
    answer = _AGENT.complete(Task("review", "", {"text": "a: [1"}))

    assert "no YAML" in answer.notes[0].message


def test_a_real_contract_is_reviewed() -> None:
    product = build(
        "device_name: x\nplatform: esp32\n"
        "peripherals:\n- {type: led, pin: 2}\n- {type: display}\n"
    )

    text = _AGENT.complete(Task("review", "", {"contract": product.contract})).text

    assert "[medium] led_2: pin 2: strapping pin" in text
    assert "display is not driven" in text


def test_a_contract_without_a_scenario_is_a_high_risk() -> None:
    assert [r.where for r in contract_risks({"peripherals": []})] == ["scenario"]


def test_reviewing_nothing_is_not_offered() -> None:
    assert _AGENT.can_handle(Task("review")) == 0.0
    assert _AGENT.can_handle(Task("explain", "", {"spec": _spec()})) == 0.0


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["platform", "peripherals", "type", "pin", "timing", "wifi", "board"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_DATA)
def test_no_document_breaks_the_reviewer(document: Data) -> None:
    task = Task("review", "", {"spec": document, "contract": document})

    if _AGENT.can_handle(task):
        assert _AGENT.complete(task).text
