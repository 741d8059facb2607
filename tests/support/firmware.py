"""Hardware specs to test with, and the virtual board to run what comes of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lockgate_firmware.generate import Product, generate
from lockgate_firmware.problems import SpecRefusedError

__all__ = [
    "EVERY_KIND",
    "a_spec",
    "failed",
    "make",
    "peripherals_of",
    "refusals",
    "simulate",
    "with_peripherals",
]

Spec = dict[str, Any]

_PLAIN: Spec = {
    "device_name": "Shelf Light",
    "platform": "arduino",
    "hardware": {"mcu": "ATmega328P"},
    "timing": {"BAUD_RATE": 9600},
    "peripherals": [{"type": "led", "pin": 13}],
}

EVERY_KIND: Mapping[str, Spec] = {
    "uno": {
        "device_name": "Every Kind",
        "platform": "arduino",
        "hardware": {"board": "uno"},
        "timing": {"BAUD_RATE": 9600, "BLINK_INTERVAL": 200, "SAMPLE_RATE": 50},
        "peripherals": [
            {"type": "led", "pin": 13, "description": "ends in a backslash \\"},
            {"type": "relay", "pin": 12, "active": "low"},
            {"type": "button", "pin": 2},
            {"type": "switch", "pin": 3, "active": "high", "pull": "external"},
            {"type": "sensor", "pin": "A0"},
            {"type": "motor", "pin": 6, "direction_pin": 7},
            {"type": "encoder", "pin": 4, "pin_b": "A1"},
            {"type": "buzzer", "pin": 8},
        ],
    },
    "esp32": {
        "device_name": "Every Kind",
        "platform": "esp32",
        "timing": {"BLINK_INTERVAL": 200, "SAMPLE_RATE": 50, "PWM_FREQUENCY": 2000},
        "peripherals": [
            {"type": "led", "pin": 2},
            {"type": "button", "pin": 0},
            {"type": "button", "pin": 36, "pull": "external"},
            {"type": "sensor", "pin": 34},
            {"type": "pump", "pin": 26},
            {"type": "encoder", "pin": 18, "pin_b": 19},
            {"type": "speaker", "pin": 25},
        ],
    },
    "m5stack": {
        "device_name": "Every Kind",
        "platform": "m5stack",
        "m5stack_model": "core",
        "peripherals": [
            {"type": "display"},
            {"type": "button", "pin": 39, "name": "left-most"},
            {"type": "button", "pin": 38, "name": "2nd"},
            {"type": "speaker", "pin": 25},
        ],
    },
    "stm32": {
        "device_name": "Every Kind",
        "platform": "stm32",
        "hardware": {"mcu": "STM32F103"},
        "pins": {"MOTOR_PWM": 3, "MOTOR_DIR": 4, "ENCODER_A": 5, "ENCODER_B": 6},
        "timing": {"BLINK_INTERVAL": 300},
        "peripherals": [
            {"type": "motor", "pin": 3},
            {"type": "encoder", "pin": 5},
            {"type": "led", "pin": "PC13", "active": "low"},
            {"type": "light", "pin": "PB0"},
        ],
    },
}
"""For each platform a spec with every kind that suits it."""


def a_spec(**changes: object) -> Spec:
    """A small spec that is right, with `changes`; None takes a key away."""
    spec = copy.deepcopy(_PLAIN)
    spec.update(changes)
    return {key: value for key, value in spec.items() if value is not None}


def with_peripherals(*peripherals: object, **changes: object) -> Spec:
    """A small spec with these peripherals."""
    return a_spec(peripherals=list(peripherals), **changes)


def make(spec: object, *targets: str) -> Product:
    """What is generated from `spec`."""
    return generate(spec, targets)


def refusals(spec: object, *targets: str) -> dict[str, str]:
    """Why `spec` is refused: where -> code."""
    with pytest.raises(SpecRefusedError) as caught:
        generate(spec, targets)
    return {problem.where: problem.code for problem in caught.value.problems}


def peripherals_of(product: Product) -> list[dict[str, Any]]:
    """The peripherals of the contract."""
    contract: dict[str, Any] = dict(product.contract)
    return list(contract["peripherals"])


def simulate(
    product: Product, *, firmware: str | None = None, scenario: Sequence[Any] = ()
) -> dict[str, Any]:
    """Run `product` on the virtual board; `firmware` stands in for its own."""
    board = pytest.importorskip("lockgate_devices.runtime.entry")
    paths = product.contract["artifacts"]
    assert isinstance(paths, Mapping)
    main, sdk = str(paths["micropython"]), str(paths["sdk"])
    contract = dict(product.contract)
    if scenario:
        contract["scenario"] = list(scenario)
    result: dict[str, Any] = board.run_virtual(
        product.files[main] if firmware is None else firmware,
        main,
        product.files[sdk],
        sdk,
        contract,
        # CPU time of this whole process counts: it has run other tests before.
        100_000.0,
    )
    return result


def failed(result: Mapping[str, Any]) -> list[str]:
    """The names of the verdicts that did not pass, with what was seen."""
    return [
        f"{verdict['name']}: {verdict['expected']} / {verdict['seen']}"
        for verdict in result["verdicts"]
        if not verdict["passed"]
    ]
