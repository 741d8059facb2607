"""Each fault that firmware could have is caught by the contract's scenario.

The faults are planted one by one into firmware that keeps its contract; a
mutation that is not caught is a hole in the bench or in the scenario.
"""

from __future__ import annotations

import pytest

from lockgate_devices.simavr import simulate_avr
from lockgate_devices.simulation import simulate_virtual
from tests.support.devices import (
    FIRMWARE,
    SKETCH,
    contract,
    needs_avr,
    tree,
    with_tools,
)

MICROPYTHON = {
    "wrong pin": ("led = Pin(13", "led = Pin(9"),
    "inverted level": ("led.value(int(argument))", "led.value(1 - int(argument))"),
    "inverted at reset": ("Pin.OUT, value=0", "Pin.OUT, value=1"),
    "wrong polarity": ("(1 - steady)", "steady"),
    "missing pull-up": (", Pin.PULL_UP)", ")"),
    "missing command": ('word == "sensor"', 'word == "sensors"'),
    "missing debounce": (">= 20", ">= 0"),
    "line buffer one too small": ("LIMIT = 64", "LIMIT = 63"),
    "line buffer one too large": ("LIMIT = 64", "LIMIT = 65"),
    "long line is not forgotten": ("too_long = False\n    time", "time"),
    "two replies": (
        'return "led %d"',
        'uart.write("led 1\\n")\n        return "led %d"',
    ),
    "silent on unknown": ('return "err unknown"', 'return ""'),
    "argument unchecked": ('argument not in ("", "0", "1")', "False"),
    "blinks on after a command": ("blinking = False", "pass"),
    "blinks too slowly": ("250", "265"),
    "wrong scale": (">> 6", ">> 4"),
    "never sleeps and never asks": ("    time.sleep_ms(1)", "    while True: pass"),
    "blocks between two lines": ("time.sleep_ms(1)", "time.sleep_ms(1200)"),
    "ticks without ticks_diff": ("time.ticks_diff(now, changed)", "now - changed"),
}

ARDUINO = {
    "wrong pin": ("pinMode(13, OUTPUT)", "pinMode(9, OUTPUT)"),
    "inverted level": ("line[4] == '1')", "line[4] == '0')"),
    "wrong polarity": ("1 - steady", "steady"),
    "missing pull-up": ("INPUT_PULLUP", "INPUT"),
    "missing command": ('"sensor")) say', '"sensors")) say'),
    "missing debounce": (">= 20", ">= 0"),
    "line buffer one too small": ("kLimit = 64", "kLimit = 63"),
    "line buffer one too large": ("kLimit = 64", "kLimit = 65"),
    "blinks too slowly": ("250", "265"),
}


def verdicts(firmware: str, *, arduino: bool = False) -> list[str]:
    """The names of the verdicts that failed."""
    if arduino:
        simulation = simulate_avr(tree(sketch=firmware), contract(), with_tools())
    else:
        files = tree(firmware)
        simulation = simulate_virtual(files, contract(), with_tools(), cpu_seconds=3.0)
    assert simulation is not None
    failed = [verdict.name for verdict in simulation.verdicts if not verdict.passed]
    assert simulation.passed == (not failed)
    return failed


def planted(source: str, before: str, after: str) -> str:
    assert source.count(before) >= 1
    return source.replace(before, after)


@pytest.mark.parametrize("fault", sorted(MICROPYTHON))
def test_a_fault_in_the_micropython_firmware_is_caught(fault: str) -> None:
    assert verdicts(planted(FIRMWARE, *MICROPYTHON[fault]))


@needs_avr
@pytest.mark.avr
@pytest.mark.parametrize("fault", sorted(ARDUINO))
def test_a_fault_in_the_sketch_is_caught(fault: str) -> None:
    assert verdicts(planted(SKETCH, *ARDUINO[fault]), arduino=True)
