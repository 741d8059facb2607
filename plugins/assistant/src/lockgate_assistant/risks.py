"""The risks that the reviewer looks for, in a spec and in a contract.

Each rule is a function from the document to its risks. They read foreign data:
what is missing or of another type is no risk, and never an exception.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lockgate.values import Data
from lockgate_assistant.boards import board_of
from lockgate_assistant.material import mapping, sequence

__all__ = ["Level", "Risk", "contract_risks", "spec_risks"]

Level: TypeAlias = Literal["high", "medium", "low"]
_Rule: TypeAlias = Callable[[Mapping[str, Data]], "Iterator[Risk]"]

_ORDER: Mapping[Level, int] = {"high": 0, "medium": 1, "low": 2}
_DRIVERS = frozenset({"motor", "fan", "pump", "relay", "servo"})
_OUTPUTS = frozenset({"led", "relay", "motor", "fan", "pump", "speaker", "buzzer"})
_INPUTS = frozenset({"button", "switch", "encoder"})
_ANALOG = frozenset(
    {"sensor", "temperature", "humidity", "pressure", "light", "potentiometer"}
)
_NOT_DRIVEN = frozenset(
    {"display", "wifi_module", "wifi", "bluetooth", "lora", "gps", "imu"}
    | {"sd_card", "microphone", "camera", "servo", "rtc"}
)

# ESP32 datasheet, sections 2.2 and 2.4.
_ESP32_STRAPPING = frozenset({"0", "2", "5", "12", "15"})
_ESP32_BARE = frozenset({"34", "35", "36", "37", "38", "39"})
_ESP32_ADC2 = frozenset({"0", "2", "4", "12", "13", "14", "15", "25", "26", "27"})

# 3 to 30 flashes a second can set off a seizure; WCAG 2.2, success criterion 2.3.1.
_FLASH_MS = range(17, 167)


@dataclass(frozen=True, slots=True)
class Risk:
    """One risk: how grave, where, what may happen, and what to do."""

    level: Level
    where: str
    message: str
    fix: str


def _word(value: Data) -> str:
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value)[:80] if plain else ""


@dataclass(frozen=True, slots=True)
class _Item:
    """One peripheral: where, what, on which pin."""

    where: str
    kind: str
    pin: str
    entry: Mapping[str, Data]


def _items(document: Mapping[str, Data]) -> list[_Item]:
    hardware = mapping(document.get("hardware"))
    board = board_of(
        _word(document.get("platform")),
        _word(hardware.get("mcu")),
        _word(hardware.get("board")),
    )
    found: list[_Item] = []
    for index, item in enumerate(sequence(document.get("peripherals"))[:64]):
        entry = mapping(item)
        pin = _word(entry.get("pin"))
        found.append(
            _Item(
                f"peripherals[{index}]",
                _word(entry.get("type")).lower(),
                board.own_name(pin) if board else pin,
                entry,
            )
        )
    return found


def _is_esp32(document: Mapping[str, Data]) -> bool:
    return _word(document.get("platform")).lower() in ("esp32", "m5stack")


def _secret(document: Mapping[str, Data]) -> Iterator[Risk]:
    if _word(mapping(document.get("wifi")).get("password")):
        yield Risk(
            "high",
            "wifi.password",
            "a password stands in the spec, and goes wherever the spec is sent",
            "take it out of the file, and change it if the file was ever shared",
        )


def _shared(document: Mapping[str, Data]) -> Iterator[Risk]:
    users: defaultdict[str, list[_Item]] = defaultdict(list)
    for item in _items(document):
        if item.pin:
            users[item.pin].append(item)
    for pin, items in users.items():
        for item in items[1:]:
            yield Risk(
                "high",
                f"{item.where}.pin",
                f"pin {pin} is used by {items[0].where} too",
                "give each peripheral a pin of its own",
            )


def _esp32(document: Mapping[str, Data]) -> Iterator[Risk]:
    if not _is_esp32(document):
        return
    own_pull = _word(document.get("platform")).lower() == "m5stack"
    radio = bool(document.get("wifi")) or (
        _word(mapping(document.get("communication")).get("protocol")).lower() == "wifi"
    )
    for item in _items(document):
        where = f"{item.where}.pin"
        if item.pin in _ESP32_BARE and item.kind in _OUTPUTS:
            message = f"pin {item.pin} can only be read: the {item.kind} stays dead"
            yield Risk("high", where, message, "move it to GPIO16 to 33")
        external = item.entry.get("pull") == "external"
        held = own_pull or external
        if item.pin in _ESP32_BARE and item.kind in _INPUTS and not held:
            message = f"pin {item.pin} has no pull-up: the {item.kind} floats"
            fix = "move it, or fit a resistor and say pull: external"
            yield Risk("high", where, message, fix)
        if item.pin in _ESP32_STRAPPING:
            message = f"pin {item.pin} decides at reset how the chip boots"
            yield Risk("medium", where, message, "use another pin if there is one")
        if radio and item.pin in _ESP32_ADC2 and item.kind in _ANALOG:
            message = f"pin {item.pin} cannot be read as analog while WiFi is on"
            yield Risk("high", where, message, "use GPIO32 to GPIO39")


def _serial(document: Mapping[str, Data]) -> Iterator[Risk]:
    arduino = _word(document.get("platform")).lower() == "arduino"
    pins = ("0", "1") if arduino else ("1", "3")
    if not arduino and not _is_esp32(document):
        return
    for item in _items(document):
        if item.pin in pins:
            message = f"pin {item.pin} belongs to the serial port"
            yield Risk("high", f"{item.where}.pin", message, "leave RX and TX free")


def _loads(document: Mapping[str, Data]) -> Iterator[Risk]:
    for item in _items(document):
        if item.kind in _DRIVERS:
            message = f"a {item.kind} draws more than a pin gives"
            fix = "put a driver or a transistor with a diode between them"
            yield Risk("medium", item.where, message, fix)


def _not_driven(document: Mapping[str, Data]) -> Iterator[Risk]:
    for item in _items(document):
        if item.kind in _NOT_DRIVEN:
            message = f"a {item.kind} is not driven by the firmware yet"
            yield Risk("medium", item.where, message, "do not count on it")


def _flashing(document: Mapping[str, Data]) -> Iterator[Risk]:
    interval = mapping(document.get("timing")).get("BLINK_INTERVAL")
    if isinstance(interval, int) and interval in _FLASH_MS:
        yield Risk(
            "medium",
            "timing.BLINK_INTERVAL",
            f"{1000 / (2 * interval):.0f} flashes a second can set off a seizure",
            "choose 200 ms or more",
        )


def _speed(document: Mapping[str, Data]) -> Iterator[Risk]:
    timing = mapping(document.get("timing"))
    link = mapping(document.get("communication"))
    if "BAUD_RATE" not in timing and "baudrate" not in link:
        message = "no baud rate is given: the firmware's default is taken"
        yield Risk("low", "timing", message, "write BAUD_RATE down")


def _substituted(document: Mapping[str, Data]) -> Iterator[Risk]:
    link = mapping(document.get("communication"))
    asked = (
        ("software_language", document.get("software_language"), "python"),
        ("ui_framework", document.get("ui_framework"), "none"),
        ("communication.protocol", link.get("protocol"), "serial"),
        ("communication.data_format", link.get("data_format"), "text"),
    )
    for where, value, given in asked:
        if (word := _word(value).lower()) and word != given:
            message = f"{word} is not made yet: you get {given}"
            yield Risk("low", where, message, "read the notes of the build")


_SPEC_RULES: tuple[_Rule, ...] = (
    *(_secret, _shared, _esp32, _serial, _loads, _not_driven),
    *(_flashing, _speed, _substituted),
)


def _sorted(risks: list[Risk]) -> list[Risk]:
    return sorted(risks, key=lambda risk: _ORDER[risk.level])


def spec_risks(document: Mapping[str, Data]) -> list[Risk]:
    """The risks of a spec, gravest first."""
    return _sorted([risk for rule in _SPEC_RULES for risk in rule(document)])


def contract_risks(document: Mapping[str, Data]) -> list[Risk]:
    """The risks of a generation's contract, gravest first."""
    pins = mapping(mapping(document.get("board")).get("pins"))
    found: list[Risk] = []
    for item in sequence(document.get("peripherals"))[:64]:
        entry = mapping(item)
        name = _word(entry.get("id"))
        kind = _word(entry.get("type")) or _word(entry.get("kind"))
        written = {key: _word(entry.get(key)) for key in ("pin", "pin_b")}
        for pin in filter(None, written.values()):
            for warning in sequence(mapping(pins.get(pin)).get("warn"))[:8]:
                message = f"pin {pin}: {_word(warning)}"
                found.append(Risk("medium", name, message, "use another pin"))
        if kind in _DRIVERS or _word(entry.get("type")) in _DRIVERS:
            message = (
                f"a {_word(entry.get('type')) or kind} draws more than a pin gives"
            )
            found.append(Risk("medium", name, message, "put a driver between them"))
        if not sequence(entry.get("commands")):
            message = "no command reaches it: it cannot be tested from outside"
            found.append(Risk("low", name, message, "generate anew"))
    for item in sequence(document.get("missing"))[:64]:
        kind = _word(mapping(item).get("type"))
        message = f"the spec's {kind} is not driven by the firmware"
        found.append(Risk("medium", kind, message, "do not count on it"))
    if not sequence(document.get("scenario")):
        message = "no scenario: a simulation would prove nothing"
        found.append(Risk("high", "scenario", message, "generate anew"))
    return _sorted(found)
