"""The spec as it was written: every field typed, nothing held against a board yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lockgate_firmware._read import KEYS_LIMIT, Fields, alike, read_pin, type_name
from lockgate_firmware._words import (
    COMMUNICATION_KEYS,
    DATA_FORMATS,
    HARDWARE_KEYS,
    LANGUAGES,
    PERIPHERAL_KEYS,
    PERIPHERAL_TYPES,
    PROTOCOLS,
    TIMING_LIMITS,
    TOP_KEYS,
    UI_FRAMEWORKS,
)
from lockgate_firmware.boards import PLATFORMS
from lockgate_firmware.problems import Review, did_you_mean, shown

__all__ = [
    "Communication",
    "Hardware",
    "PeripheralSpec",
    "Spec",
    "is_spec",
    "read_spec",
]

PERIPHERALS_LIMIT = 64
_PIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)
_PATH_PARTS = re.compile(r"[/\\]|^\.|\.\.|:")


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the spec says of the board; an empty text where it says nothing."""

    mcu: str = ""
    board: str = ""
    clock_speed: str = ""


@dataclass(frozen=True, slots=True)
class Communication:
    """How the spec wants to talk to the device."""

    protocol: str = ""
    data_format: str = ""
    baudrate: int | None = None
    port: int | str | None = None
    wifi_enabled: bool = False


@dataclass(frozen=True, slots=True)
class PeripheralSpec:
    """One entry of ``peripherals``. `place` is its path; '' stands for absent."""

    place: str
    type: str
    pin: str = ""
    name: str = ""
    description: str = ""
    sensor_type: str = ""
    pin_b: str = ""
    direction_pin: str = ""
    pull: str = ""
    active: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """A whole spec. What was refused is empty here; the review tells."""

    device_name: str = ""
    platform: str = ""
    m5stack_model: str = ""
    software_language: str = ""
    ui_framework: str = ""
    wifi: bool = False
    hardware: Hardware = Hardware()
    communication: Communication = Communication()
    pins: Mapping[str, str] = field(default_factory=dict[str, str])
    timing: Mapping[str, int] = field(default_factory=dict[str, int])
    peripherals: tuple[PeripheralSpec, ...] = ()


def is_spec(document: Mapping[str, object]) -> bool:
    """Whether `document` is meant for this reader: empty, or with a key of ours.

    A key that is nearly one of ours counts, so that a slip is told as one.
    """
    return not document or any(
        alike(key, known) for key in list(document)[:KEYS_LIMIT] for known in TOP_KEYS
    )


def read_spec(document: object, review: Review) -> Spec:
    """Read `document`; what is wrong with it goes to `review`."""
    fields = Fields(review, document, "")
    fields.unknown(TOP_KEYS)
    for key in ("device_name", "platform", "peripherals"):
        if not fields.has(key):
            review.refuse("missing-key", key, "is missing", f"Add {key!r}.")
    return Spec(
        device_name=_device_name(fields, review),
        platform=fields.word("platform", PLATFORMS, "unknown-platform") or "",
        m5stack_model=(fields.text("m5stack_model", 40) or "").lower(),
        software_language=_known(
            fields, "software_language", LANGUAGES, "unknown-language"
        ),
        ui_framework=_known(
            fields, "ui_framework", UI_FRAMEWORKS, "unknown-ui-framework"
        ),
        wifi=_wifi(fields, review),
        hardware=_hardware(fields, review),
        communication=_communication(fields, review),
        pins=_pin_table(fields, review),
        timing=_timing(fields, review),
        peripherals=_peripherals(fields, review),
    )


def _known(fields: Fields, key: str, known: tuple[str, ...], code: str) -> str:
    return fields.word(key, known, code) or ""


def _device_name(fields: Fields, review: Review) -> str:
    name = fields.text("device_name", 64)
    if name is None:
        return ""
    if _PATH_PARTS.search(name):
        review.refuse(
            "path-in-name",
            "device_name",
            f"{shown(name)} looks like a path",
            "Leave '/', '\\', ':', '..' and a leading '.' out.",
        )
        return ""
    return name


def _wifi(fields: Fields, review: Review) -> bool:
    if not fields.has("wifi"):
        return False
    wifi = Fields(review, fields.value("wifi"), "wifi")
    wifi.unknown(("ssid", "password"))
    for key in ("ssid", "password"):
        wifi.text(key, 64)
    return True


def _hardware(fields: Fields, review: Review) -> Hardware:
    if not fields.has("hardware"):
        return Hardware()
    hardware = Fields(review, fields.value("hardware"), "hardware")
    hardware.unknown(HARDWARE_KEYS)
    for key in ("memory", "flash", "display", "ram"):
        hardware.text(key, 64)
    hardware.flag("wifi")
    return Hardware(
        mcu=hardware.text("mcu", 40) or "",
        board=hardware.text("board", 40) or "",
        clock_speed=hardware.text("clock_speed", 40) or "",
    )


def _communication(fields: Fields, review: Review) -> Communication:
    if not fields.has("communication"):
        return Communication()
    part = Fields(review, fields.value("communication"), "communication")
    part.unknown(COMMUNICATION_KEYS)
    return Communication(
        protocol=_known(part, "protocol", PROTOCOLS, "unknown-protocol"),
        data_format=_known(part, "data_format", DATA_FORMATS, "unknown-data-format"),
        baudrate=part.number("baudrate", *TIMING_LIMITS["BAUD_RATE"]),
        port=_port(part),
        wifi_enabled=part.flag("wifi_enabled") or False,
    )


def _port(fields: Fields) -> int | str | None:
    """A network port, or the name of a serial port."""
    if isinstance(fields.value("port"), str):
        return fields.text("port", 64)
    return fields.number("port", 1, 4_000_000, "")


def _pin_table(fields: Fields, review: Review) -> dict[str, str]:
    if not fields.has("pins"):
        return {}
    table = Fields(review, fields.value("pins"), "pins")
    pins: dict[str, str] = {}
    for name in table.names():
        if not _PIN_NAME.fullmatch(name):
            review.refuse(
                "bad-pin-name",
                "pins",
                f"{shown(name)} is no name for a pin",
                "A name has up to 40 letters, digits and '_', no digit first.",
            )
            continue
        pin = read_pin(review, table.value(name), table.place(name))
        if pin is not None:
            pins[name] = pin
    return pins


def _timing(fields: Fields, review: Review) -> dict[str, int]:
    if not fields.has("timing"):
        return {}
    timing = Fields(review, fields.value("timing"), "timing")
    timing.unknown(TIMING_LIMITS)
    values = {key: timing.number(key, *limits) for key, limits in TIMING_LIMITS.items()}
    return {key: value for key, value in values.items() if value is not None}


def _peripherals(fields: Fields, review: Review) -> tuple[PeripheralSpec, ...]:
    value = fields.value("peripherals")
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        review.refuse(
            "wrong-type", "peripherals", f"must be a list, is {type_name(value)}"
        )
        return ()
    items: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    if not 1 <= len(items) <= PERIPHERALS_LIMIT:
        review.refuse(
            "empty" if not items else "too-many",
            "peripherals",
            f"has {len(items)} entries; 1 to {PERIPHERALS_LIMIT} are allowed",
        )
        return ()
    read = [
        _peripheral(Fields(review, item, f"peripherals[{index}]"), review, index)
        for index, item in enumerate(items)
    ]
    return tuple(item for item in read if item is not None)


def _peripheral(fields: Fields, review: Review, index: int) -> PeripheralSpec | None:
    place = f"peripherals[{index}]"
    fields.unknown(PERIPHERAL_KEYS)
    if fields.names() and not fields.has("type"):
        review.refuse("missing-key", f"{place}.type", "is missing", "Add 'type'.")
    kind = fields.text("type", 40)
    if kind is not None and kind.lower() not in PERIPHERAL_TYPES:
        review.refuse(
            "unknown-peripheral",
            f"{place}.type",
            f"{shown(kind)} is unknown",
            did_you_mean(
                kind, PERIPHERAL_TYPES, f"Known: {', '.join(sorted(PERIPHERAL_TYPES))}."
            ),
        )
        kind = None
    read = PeripheralSpec(
        place=place,
        type=(kind or "").lower(),
        pin=fields.pin("pin") or "",
        name=fields.text("name", 64) or "",
        description=fields.text("description", fold=True) or "",
        sensor_type=(fields.text("sensor_type", 40) or "").lower(),
        pin_b=fields.pin("pin_b") or "",
        direction_pin=fields.pin("direction_pin") or "",
        pull=fields.word("pull", ("up", "external"), "unknown-pull") or "",
        active=fields.word("active", ("low", "high"), "unknown-active") or "",
    )
    pin_refused = fields.has("pin") and not read.pin
    return None if kind is None or pin_refused else read
