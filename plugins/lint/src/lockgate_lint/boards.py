"""What datasheets say of a processor, held independently of the generator.

The contract brings the board's pins; these facts are a second source for the
traps that a generator might not know. Currents are in milliamperes.

Sources:
    ATmega328P, DS40002061B, section 28.1: 40 mA per pin and 200 mA in all are the
        absolute maximum; the electrical characteristics are given at 20 mA.
    ATmega2560, document 2549Q, section 31.1: the same figures.
    ATmega32U4, document 7766J, section 29.1: the same figures.
    ESP32 datasheet, section 2.2 (GPIO34 to 39 are inputs without pull resistors;
        GPIO6 to 11 carry the flash), section 2.4 (strapping pins), and the
        ESP32-WROOM-32 datasheet, absolute maximum ratings (1,100 mA in all); drive
        strength at reset is 20 mA. ESP32 Technical Reference Manual, chapter
        "On-Chip Sensors": ADC2 belongs to the radio while it is on.
    STM32F103x8, DS5319, section 5.2: 25 mA per pin and 150 mA in all are the
        absolute maximum, 20 mA with relaxed levels; PC13 to PC15 give 3 mA.
    RP2040 datasheet, sections 2.19.4 and 5.5: 12 mA per pin, 50 mA in all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["NO_FACTS", "Facts", "facts_of"]


@dataclass(frozen=True, slots=True)
class Facts:
    """The traps of one processor family; pins by the names that code uses.

    `aliases` maps a spelling to the contract's name for the pin. `march` is what
    mpy-cross calls the processor's native code.
    """

    family: str
    pin_ma: int = 0
    total_ma: int = 0
    weak_ma: Mapping[str, int] = field(default_factory=dict[str, int])
    strapping: frozenset[str] = frozenset()
    input_only: frozenset[str] = frozenset()
    no_pull: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()
    adc2: frozenset[str] = frozenset()
    serial: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict[str, str])
    march: str = ""


def _names(*numbers: int) -> frozenset[str]:
    return frozenset(map(str, numbers))


def _analog(first: int, count: int) -> dict[str, str]:
    """An AVR core's second names of the analog pins: ``14`` is ``A0`` on an Uno."""
    return {str(first + n): f"A{n}" for n in range(count)}


NO_FACTS = Facts("unknown")
"""For a processor that this table does not know: nothing is claimed of it."""


def _avr(first_analog: int, count: int, *, serial: frozenset[str]) -> Facts:
    aliases = _analog(first_analog, count) | {"LED_BUILTIN": "13"}
    return Facts("avr", pin_ma=20, total_ma=200, serial=serial, aliases=aliases)


_FAMILIES: tuple[tuple[str, Facts], ...] = (
    ("atmega328", _avr(14, 8, serial=_names(0, 1))),
    ("atmega2560", _avr(54, 16, serial=_names(0, 1))),
    # Serial is USB here: pins 0 and 1 belong to Serial1, which is not used.
    ("atmega32u4", _avr(18, 12, serial=frozenset())),
    (
        "esp32",
        Facts(
            "esp32",
            pin_ma=20,
            total_ma=1100,
            strapping=_names(0, 2, 5, 12, 15),
            input_only=_names(34, 35, 36, 37, 38, 39),
            no_pull=_names(34, 35, 36, 37, 38, 39),
            reserved=_names(6, 7, 8, 9, 10, 11),
            adc2=_names(0, 2, 4, 12, 13, 14, 15, 25, 26, 27),
            serial=_names(1, 3),
            march="xtensawin",
        ),
    ),
    (
        "stm32f103",
        Facts(
            "stm32f1",
            pin_ma=20,
            total_ma=150,
            weak_ma={"PC13": 3, "PC14": 3, "PC15": 3},
            strapping=frozenset({"PB2"}),
            serial=frozenset({"PA9", "PA10"}),
            march="armv7m",
        ),
    ),
    (
        "rp2040",
        Facts("rp2040", pin_ma=12, total_ma=50, serial=_names(0, 1), march="armv6m"),
    ),
)

# "esp32-s3" and its kin have other pins: better no fact than a wrong one.
_OTHER_CHIPS = (
    *("esp32-s", "esp32-c", "esp32-h", "esp32-p"),
    *("esp32s", "esp32c", "esp32h", "esp32p"),
)


def facts_of(mcu: str) -> Facts:
    """The facts of the processor called `mcu` (``ATmega328P``, ``esp32`` ...)."""
    name = mcu.lower()
    if name.startswith(_OTHER_CHIPS):
        return NO_FACTS
    for prefix, facts in _FAMILIES:
        if name.startswith(prefix):
            return facts
    return NO_FACTS
