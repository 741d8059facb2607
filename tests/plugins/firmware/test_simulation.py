"""Generated firmware on the virtual board; and each fault in it is caught."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.firmware import EVERY_KIND, failed, make, simulate


@pytest.mark.parametrize("platform", EVERY_KIND)
def test_generated_firmware_keeps_its_contract(platform: str) -> None:
    result = simulate(make(EVERY_KIND[platform]))

    assert failed(result) == []
    assert len(result["verdicts"]) > 50


MUTATIONS: list[tuple[str, str, str, str, str]] = [
    ("wrong pin", "uno", "Led(13, 1, 200)", "Led(11, 1, 200)", "pin 13"),
    ("inverted level", "uno", "Led(13, 1, 200)", "Led(13, 0, 200)", "pin 13"),
    ("no blinking", "uno", "Led(13, 1, 200)", "Led(13, 1, 0)", "pin 13"),
    ("blinks too slowly", "uno", "Led(13, 1, 200)", "Led(13, 1, 215)", "pin 13"),
    ("blinks on", "uno", "            self.blink_ms = 0\n", "", "pin 13"),
    ("wrong button polarity", "uno", "Pin.PULL_UP, 0)", "Pin.PULL_UP, 1)", "button_2"),
    ("missing pull-up", "uno", "Button(2, Pin.PULL_UP", "Button(2, None", "pin 2"),
    ("no debounce", "uno", "DEBOUNCE_MS = 20", "DEBOUNCE_MS = 0", "button_2"),
    ("missing command", "uno", '        b"sensor_a0": ', '        b"a0": ', "sensor"),
    ("another greeting", "uno", "lockgate 1 every", "lockgate 2 every", "hello"),
    ("wrong ADC width", "uno", 'Sensor("A0", 6,', 'Sensor("A0", 4,', "sensor_a0"),
    ("never samples", "uno", 'Sensor("A0", 6, 50)', 'Sensor("A0", 6, 9999)', "a0"),
    ("dead direction", "uno", "1 if argument < 0 else 0", "0", "pin 7"),
    ("half the speed", "uno", "65535 // 100", "65535 // 200", "pin 6"),
    (
        "swapped encoder",
        "uno",
        'Encoder(4, Pin.PULL_UP, "A1")',
        'Encoder("A1", Pin.PULL_UP, 4)',
        "encoder_4",
    ),
    ("counts half", "uno", "(0, -1, 1, 0, 1,", "(0, 0, 0, 0, 1,", "encoder_4"),
    (
        "an octave off",
        "uno",
        "self.pwm.freq(argument)",
        "self.pwm.freq(argument * 2)",
        "pin 8",
    ),
    ("never silent", "uno", "32768 if argument else 0", "32768", "pin 8"),
    ("line one byte short", "uno", "LINE_LIMIT = 64", "LINE_LIMIT = 63", "line 'x"),
    ("line one byte long", "uno", "LINE_LIMIT = 64", "LINE_LIMIT = 65", "line 'x"),
    ("off by one", "uno", "self.length < LINE_LIMIT", "self.length <= LINE_LIMIT", ""),
    (
        "overflow sticks",
        "uno",
        "            self.overflow = False\n        elif",
        "        elif",
        "line",
    ),
    (
        "overflow forgets",
        "uno",
        "            self.overflow = True",
        "            self.length = 0",
        "line",
    ),
    ("carriage return counts", "uno", "elif byte == 13:", "elif byte == 256:", "line"),
    ("answers emptiness", "uno", "elif self.length:", "else:", "line ''"),
    ("takes any argument", "uno", "if not 48 <= digit <= 57:", "if False:", "line"),
    ("wrong pin", "esp32", "Sensor(34,", "Sensor(35,", "34"),
    ("wrong resistor", "m5stack", "Button(39, None, 0)", "Button(39, None, 1)", "39"),
]


@pytest.mark.parametrize(
    ("fault", "platform", "right", "wrong", "blamed"),
    MUTATIONS,
    ids=[f"{m[0]}-{m[1]}" for m in MUTATIONS],
)
def test_a_fault_in_the_firmware_is_caught(
    fault: str, platform: str, right: str, wrong: str, blamed: str
) -> None:
    product = make(EVERY_KIND[platform])
    source = product.files["micropython/main.py"]
    assert right in source, f"{fault}: nothing to change"

    caught = failed(simulate(product, firmware=source.replace(right, wrong)))

    assert any(blamed in verdict for verdict in caught), caught


def test_firmware_that_dies_on_a_hostile_line_is_caught() -> None:
    product = make(EVERY_KIND["uno"])
    source = product.files["micropython/main.py"]
    fragile = source.replace(
        "    space = line.find", "    line.decode()\n    space = line.find"
    )
    scenario: list[dict[str, Any]] = [
        {"do": "send", "line": "\udcff", "reply": "err unknown"}
    ]

    assert failed(simulate(product, scenario=scenario)) == []
    assert failed(simulate(product, firmware=fragile, scenario=scenario))
