"""The pages that come with the firmware."""

from __future__ import annotations

from tests.support.firmware import EVERY_KIND, a_spec, make, with_peripherals


def test_the_pin_table_has_a_row_for_each_pin() -> None:
    table = make(EVERY_KIND["stm32"]).files["pins.md"]
    rows = [line.split("|")[1].strip() for line in table.splitlines()[6:]]

    assert rows == ["PA3", "PA4", "PA5", "PA6", "PC13", "PB0"]


def test_a_foreign_text_cannot_break_the_table() -> None:
    spec = with_peripherals(
        {"type": "led", "pin": 13, "description": "a | b <img src=x> [c](d)"}
    )
    row = make(spec).files["pins.md"].splitlines()[-1]

    assert row.replace("\\|", "").count("|") == 6
    assert "<img" not in row
    assert "[c](d)" not in row


def test_the_read_me_says_what_was_made_otherwise() -> None:
    text = make(a_spec(ui_framework="react")).files["README.md"]

    assert "Asked: react; made: none." in text


def test_the_read_me_lists_every_command() -> None:
    text = make(EVERY_KIND["uno"]).files["README.md"]

    for line in ("hello", "led_13 1", "button_2", "motor_6 50", "buzzer_8 440"):
        assert f"| `{line}` |" in text
