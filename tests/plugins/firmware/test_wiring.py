"""Pins held against the board: what a pin cannot do is refused before generation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.firmware import (
    a_spec,
    make,
    peripherals_of,
    refusals,
    with_peripherals,
)


def on(platform: str, *peripherals: object, **changes: object) -> dict[str, Any]:
    hardware = changes.pop("hardware", None)
    return with_peripherals(
        *peripherals, platform=platform, hardware=hardware, **changes
    )


@pytest.mark.parametrize("pin", [34, 35, 36, 37, 38, 39, "GPIO34"])
def test_a_button_on_an_esp32_pin_without_pull_up_is_refused(pin: object) -> None:
    spec = on("esp32", {"type": "button", "pin": pin}, timing=None)

    assert refusals(spec) == {"peripherals[0].pin": "pin-no-pull-up"}


@pytest.mark.parametrize("pin", [37, 38, 39])
def test_the_m5stack_has_resistors_on_its_buttons(pin: int) -> None:
    product = make(on("m5stack", {"type": "button", "pin": pin}, timing=None))

    (button,) = peripherals_of(product)
    assert (button["mode"], button["pull"]) == ("input", "board")


def test_a_button_with_a_promised_resistor_is_a_plain_input() -> None:
    spec = on("esp32", {"type": "button", "pin": 34, "pull": "external"}, timing=None)

    assert "Button(34, None, 0)" in make(spec).files["micropython/main.py"]


@pytest.mark.parametrize(
    ("platform", "peripheral", "code"),
    [
        ("esp32", {"type": "led", "pin": 34}, "pin-input-only"),
        ("esp32", {"type": "led", "pin": 99}, "pin-not-on-board"),
        ("esp32", {"type": "led", "pin": 20}, "pin-not-on-board"),
        ("esp32", {"type": "led", "pin": 6}, "pin-reserved"),
        ("esp32", {"type": "led", "pin": 1}, "pin-reserved"),
        ("esp32", {"type": "led", "pin": "A0"}, "pin-not-on-board"),
        ("esp32", {"type": "sensor", "pin": 23}, "pin-not-analog"),
        ("esp32", {"type": "motor", "pin": 35}, "pin-no-pwm"),
        ("arduino", {"type": "motor", "pin": 4}, "pin-no-pwm"),
        ("arduino", {"type": "sensor", "pin": 5}, "pin-not-analog"),
        ("arduino", {"type": "led", "pin": 0}, "pin-reserved"),
        ("arduino", {"type": "led", "pin": 20}, "pin-not-on-board"),
        ("arduino", {"type": "led", "pin": "A6"}, "pin-not-on-board"),
        ("stm32", {"type": "led", "pin": "PA13"}, "pin-reserved"),
        ("stm32", {"type": "motor", "pin": "PA5"}, "pin-no-pwm"),
        ("stm32", {"type": "sensor", "pin": "PB5"}, "pin-not-analog"),
        ("stm32", {"type": "led", "pin": 77}, "pin-not-on-board"),
        ("stm32", {"type": "speaker", "pin": "PB12"}, "pin-no-pwm"),
        ("arduino", {"type": "led"}, "missing-pin"),
        ("arduino", {"type": "led", "pin": None}, "missing-pin"),
    ],
)
def test_a_pin_that_cannot_do_it_is_refused(
    platform: str, peripheral: dict[str, Any], code: str
) -> None:
    assert refusals(on(platform, peripheral, timing=None)) == {
        "peripherals[0].pin": code
    }


@pytest.mark.parametrize(("one", "other"), [(13, 13), (14, "A0"), ("a0", "A0")])
def test_two_peripherals_on_one_pin_are_refused(one: object, other: object) -> None:
    spec = with_peripherals({"type": "led", "pin": one}, {"type": "led", "pin": other})

    assert refusals(spec) == {"peripherals[1].pin": "duplicate-pin"}


def test_second_pins_count_as_taken() -> None:
    spec = with_peripherals(
        {"type": "encoder", "pin": 2, "pin_b": 3}, {"type": "led", "pin": 3}
    )

    assert refusals(spec) == {"peripherals[1].pin": "duplicate-pin"}


def test_an_encoder_needs_its_second_pin() -> None:
    assert refusals(with_peripherals({"type": "encoder", "pin": 2})) == {
        "peripherals[0].pin_b": "missing-pin"
    }


def test_the_pin_table_names_the_second_pins() -> None:
    spec = with_peripherals(
        {"type": "motor", "pin": 5},
        {"type": "encoder", "pin": 2},
        pins={"FAN_PWM": 5, "FAN_DIR": 7, "KNOB_A": 2, "KNOB_B": 4},
    )

    motor, encoder = peripherals_of(make(spec))
    assert motor["direction_pin"] == "7"
    assert encoder["pin_b"] == "4"


@pytest.mark.parametrize(
    "peripherals",
    [
        # tone() takes timer 2, which drives pins 3 and 11 of an Uno.
        ({"type": "speaker", "pin": 8}, {"type": "motor", "pin": 11}),
        ({"type": "motor", "pin": 3}, {"type": "buzzer", "pin": 8}),
    ],
)
def test_a_motor_on_the_timer_of_the_speaker_is_refused(
    peripherals: tuple[dict[str, Any], ...],
) -> None:
    assert set(refusals(with_peripherals(*peripherals)).values()) == {"timer-conflict"}


def test_an_arduino_sounds_one_speaker_only() -> None:
    spec = with_peripherals({"type": "speaker", "pin": 8}, {"type": "buzzer", "pin": 7})

    assert refusals(spec) == {"peripherals[1].pin": "timer-conflict"}


def test_speakers_of_one_stm32_timer_are_refused_and_of_two_are_not() -> None:
    same = on(
        "stm32",
        {"type": "speaker", "pin": "PA0"},
        {"type": "speaker", "pin": "PA1"},
        timing=None,
    )
    other = on(
        "stm32",
        {"type": "speaker", "pin": "PA0"},
        {"type": "speaker", "pin": "PA6"},
        timing=None,
    )

    assert set(refusals(same).values()) == {"timer-conflict"}
    assert make(other)


@pytest.mark.parametrize(
    ("pins", "where"),
    [
        ({"LAMP": 13, "OTHER": 13}, "pins.OTHER"),
        ({"BUTTON_PIN": 13}, "pins.BUTTON_PIN"),
        ({"LED_PIN": 7}, "pins.LED_PIN"),
    ],
)
def test_a_pin_table_that_contradicts_is_refused(
    pins: dict[str, int], where: str
) -> None:
    assert refusals(a_spec(pins=pins)) == {where: "contradiction"}


def test_names_of_pins_that_nobody_takes_are_left_alone_and_said() -> None:
    product = make(a_spec(pins={"I2C_SDA": "A4"}))

    assert "pins.I2C_SDA" in {remark.subject for remark in product.remarks}
    assert "I2C\\_SDA" in product.files["pins.md"]


def test_strapping_pins_are_warned_of() -> None:
    product = make(on("esp32", {"type": "led", "pin": 2}, timing=None))

    (warning,) = [r for r in product.remarks if r.kind == "warning"]
    assert "strapping" in warning.message


def test_bare_numbers_of_an_stm32_are_ports_and_the_result_says_so() -> None:
    product = make(on("stm32", {"type": "led", "pin": 16}, timing=None))

    assert '"PB0"' in product.files["micropython/main.py"]
    assert any("PB0" in r.message for r in product.remarks if r.kind == "assumed")


def test_an_active_high_button_needs_a_resistor() -> None:
    assert refusals(
        with_peripherals({"type": "button", "pin": 2, "active": "high"})
    ) == {"peripherals[0].active": "contradiction"}


def test_a_fixed_pwm_frequency_is_recorded_as_substituted() -> None:
    spec = with_peripherals(
        {"type": "motor", "pin": 9}, timing={"PWM_FREQUENCY": 20_000}
    )

    assert ("20000 Hz", "490 Hz") in {(r.asked, r.given) for r in make(spec).remarks}
