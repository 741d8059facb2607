"""The baud rate, and what becomes of each timing key."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate_firmware._words import TIMING_UNUSED
from lockgate_firmware.boards import Board
from lockgate_firmware.parts import Led, Motor, Part, Sensor
from lockgate_firmware.problems import Review
from lockgate_firmware.spec import Spec

__all__ = ["choose_baud", "note_timing"]

_DEFAULT_BAUD = {"arduino": 9600}
_OTHER_BAUD = 115200


def choose_baud(spec: Spec, board: Board, review: Review) -> int:
    """The speed of the serial link."""
    rates = {
        "communication.baudrate": spec.communication.baudrate,
        "timing.BAUD_RATE": spec.timing.get("BAUD_RATE"),
    }
    given = {where: rate for where, rate in rates.items() if rate is not None}
    port = spec.communication.port
    serial = spec.communication.protocol == "serial"
    if not given and serial and isinstance(port, int) and port in board.bauds:
        given = {"communication.port": port}
        review.remark(
            "assumed", "communication.port", f"{port} is read as the baud rate."
        )
    elif port is not None and port not in given.values():
        review.substituted(
            "communication.port",
            "The firmware opens no port; the SDK is told which one to use.",
            str(port),
            "serial",
        )
    if not given:
        rate = _DEFAULT_BAUD.get(board.platform, _OTHER_BAUD)
        review.remark("assumed", "timing.BAUD_RATE", f"None is given: {rate} is taken.")
        return rate
    _check_rates(given, board, review)
    return next(iter(given.values()))


def _check_rates(given: Mapping[str, int], board: Board, review: Review) -> None:
    for where, rate in given.items():
        if rate not in board.bauds:
            review.refuse(
                "baud-unsupported",
                where,
                f"the {board.name} does not reach {rate} baud closely enough",
                f"Choose from {', '.join(map(str, board.bauds))}.",
            )
    (first, rate), *others = given.items()
    if any(other != rate for _, other in others):
        review.refuse(
            "contradiction",
            first,
            f"{rate} contradicts timing.BAUD_RATE, which is {others[0][1]}",
            "Give one of them.",
        )


def note_timing(spec: Spec, parts: tuple[Part, ...], review: Review) -> None:
    """Say what becomes of each timing key that is not plainly used."""
    kinds = {part.kind for part in parts}
    for key, given in TIMING_UNUSED.items():
        if key in spec.timing:
            review.substituted(
                f"timing.{key}", "This key is not used.", str(spec.timing[key]), given
            )
    if "UPDATE_INTERVAL" in spec.timing:
        asked = f"an update every {spec.timing['UPDATE_INTERVAL']} ms"
        review.substituted(
            "timing.UPDATE_INTERVAL",
            "The device sends no line unasked; its host asks.",
            asked,
            "the constant UPDATE_INTERVAL_MS of the SDK",
        )
    if Sensor.kind in kinds and "SAMPLE_RATE" in spec.timing:
        review.remark(
            "assumed",
            "timing.SAMPLE_RATE",
            f"{spec.timing['SAMPLE_RATE']} is read as milliseconds between two "
            "samples.",
        )
    for key, kind in (
        ("BLINK_INTERVAL", Led.kind),
        ("SAMPLE_RATE", Sensor.kind),
        ("PWM_FREQUENCY", Motor.kind),
    ):
        if key in spec.timing and kind not in kinds:
            review.remark("info", f"timing.{key}", f"No {kind} is there to use it.")
