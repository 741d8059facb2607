"""Boards with an ESP32: the DevKitC and the M5Stack Core.

Pins are GPIO numbers. GPIO34 to GPIO39 are inputs without pull resistors (ESP32
datasheet, section 2.2); GPIO6 to GPIO11 carry the flash chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lockgate_firmware.boards._board import Board, Pin

__all__ = ["ESP32_DEVKIT", "M5STACK_CORE"]

_BAUDS = (
    *(1200, 2400, 4800, 9600, 19200, 38400, 57600),
    *(115200, 230400, 250000, 460800, 500000, 921600, 1000000),
)

_STRAPPING = {
    0: "low at reset starts the boot loader",
    2: "must be low or open at reset to flash over serial",
    5: "sets the SDIO timing at reset",
    12: "high at reset selects 1.8 V flash: the board does not start",
    15: "low at reset silences the boot messages",
}
_ADC1 = (32, 33, 34, 35, 36, 37, 38, 39)
_ADC2 = (0, 2, 4, 12, 13, 14, 15, 25, 26, 27)
_BOTH_WAYS = (0, 2, 4, 5, *range(12, 20), 21, 22, 23, 25, 26, 27, 32, 33)


def _warnings(number: int) -> tuple[str, ...]:
    found: list[str] = []
    if number in _STRAPPING:
        found.append(f"strapping pin: {_STRAPPING[number]}")
    if number in _ADC2:
        found.append("its analog input (ADC2) cannot be read while Wi-Fi is on")
    if number in (34, 35, 36, 37, 38, 39):
        found.append("input only, no pull-up or pull-down inside")
    if number in (37, 38):
        found.append("not brought out on WROOM-32 modules")
    return tuple(found)


def _pins() -> dict[str, Pin]:
    pins: dict[str, Pin] = {}
    for number in _BOTH_WAYS:
        analog = number in _ADC1 or number in _ADC2
        pins[str(number)] = Pin(pwm=True, analog=analog, warn=_warnings(number))
    for number in range(34, 40):
        pins[str(number)] = Pin(
            output=False, pull_up=False, analog=True, warn=_warnings(number)
        )
    for number in (1, 3):
        pins[str(number)] = Pin(pwm=True, reserved="the serial link")
    for number in range(6, 12):
        pins[str(number)] = Pin(reserved="the flash chip")
    return dict(sorted(pins.items(), key=lambda item: int(item[0])))


def _aliases(pins: Mapping[str, Pin]) -> dict[str, str]:
    return {f"{prefix}{pin}": pin for pin in pins for prefix in ("GPIO", "IO")}


_PINS = _pins()

ESP32_DEVKIT = Board(
    id="esp32-devkit",
    name="ESP32 DevKitC (WROOM-32)",
    platform="esp32",
    mcu="esp32",
    f_cpu=240_000_000,
    flash_bytes=4 * 1024 * 1024,
    ram_bytes=520 * 1024,
    analog_max=4095,
    bauds=_BAUDS,
    pins=_PINS,
    aliases=_aliases(_PINS),
)

_CORE_USE = {
    4: "the SD card's chip select",
    14: "the display's chip select",
    18: "the display's clock",
    19: "the SD card's data",
    21: "the board's I2C data",
    22: "the board's I2C clock",
    23: "the display's data",
    25: "the speaker",
    27: "the display's data/command line",
    32: "the display's backlight",
    33: "the display's reset",
}


def _core_pin(number: int, pin: Pin) -> Pin:
    if number in (37, 38, 39):
        return replace(
            pin,
            external_pull_up=True,
            warn=("front button with a pull-up resistor on the board",),
        )
    if number in _CORE_USE:
        return replace(
            pin, warn=(*pin.warn, f"wired to {_CORE_USE[number]} on this board")
        )
    return pin


_CORE_PINS = {name: _core_pin(int(name), pin) for name, pin in _PINS.items()}

M5STACK_CORE = Board(
    id="m5stack-core",
    name="M5Stack Core",
    platform="m5stack",
    mcu="esp32",
    f_cpu=240_000_000,
    flash_bytes=4 * 1024 * 1024,
    ram_bytes=520 * 1024,
    analog_max=4095,
    bauds=_BAUDS,
    pins=_CORE_PINS,
    aliases=_aliases(_CORE_PINS),
)
