"""From a spec to the model: a board chosen, pins held against it, gaps named.

`_platform` chooses the board, `_wiring` with `_checks` gives each peripheral its pins,
`_pin_table` and `_timing` hold the rest of the spec against that.
"""

from __future__ import annotations

import re

from lockgate_firmware._text import identifier
from lockgate_firmware._words import KIND_OF
from lockgate_firmware.boards import Board
from lockgate_firmware.model import Model
from lockgate_firmware.problems import Review
from lockgate_firmware.resolve._pin_table import check_table, note_pins, unused_names
from lockgate_firmware.resolve._platform import choose_board
from lockgate_firmware.resolve._timing import choose_baud, note_timing
from lockgate_firmware.resolve._wiring import Wiring
from lockgate_firmware.spec import Spec, read_spec

__all__ = ["resolve"]

_CLOCK = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([kKmMgG]?)[hH][zZ]", re.ASCII)
_SCALE = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def resolve(document: object, review: Review) -> Model:
    """Read `document` and return its model; remarks go to `review`.

    Raises:
        SpecRefusedError: With every problem that was found.
    """
    spec = read_spec(document, review)
    board = choose_board(spec, review)
    if board is None:
        review.check()
        # Cannot happen: a board that was not chosen leaves a problem.
        msg = "no board and no problem"
        raise AssertionError(msg)
    parts, missing = Wiring(spec, board, review).parts()
    check_table(spec, board, parts, review)
    baud = choose_baud(spec, board, review)
    if not parts and not review.problems:
        review.refuse(
            "nothing-to-drive",
            "peripherals",
            "the firmware drives none of them",
            f"Add one of: {', '.join(KIND_OF)}.",
        )
    review.check()
    _note_substitutes(spec, review)
    _note_clock(spec, board, review)
    note_timing(spec, parts, review)
    named = unused_names(spec, board, parts)
    note_pins(board, parts, named, review)
    return Model(
        name=_name(spec, review),
        title=spec.device_name,
        platform=spec.platform,
        board=board,
        baud=baud,
        parts=parts,
        missing=missing,
        named_pins=named,
        update_ms=spec.timing.get("UPDATE_INTERVAL", 0),
    )


def _name(spec: Spec, review: Review) -> str:
    name = identifier(spec.device_name)
    if not name:
        review.remark(
            "assumed",
            "device_name",
            "It has no letter or digit that a file name can hold; the files are "
            "called 'unnamed'.",
        )
    return name or "unnamed"


def _note_substitutes(spec: Spec, review: Review) -> None:
    language, ui = spec.software_language, spec.ui_framework
    if language not in ("", "python"):
        review.substituted(
            "software_language", "The SDK is written in Python.", language, "python"
        )
    if ui not in ("", "none"):
        review.substituted(
            "ui_framework",
            "No user interface is made yet; the SDK and the pin table are.",
            ui,
            "none",
        )
    link = spec.communication
    if link.protocol not in ("", "serial"):
        review.substituted(
            "communication.protocol",
            "The device answers on its serial link.",
            link.protocol,
            "serial",
        )
    if link.data_format not in ("", "text"):
        review.substituted(
            "communication.data_format",
            "The device answers in lines of text.",
            link.data_format,
            "text",
        )
    if link.wifi_enabled:
        review.substituted(
            "communication.wifi_enabled", "No network is joined.", "true", "serial"
        )
    if spec.wifi:
        review.substituted(
            "wifi",
            "No network is joined; the name and password are in no generated file.",
            "wifi",
            "serial",
        )


def _note_clock(spec: Spec, board: Board, review: Review) -> None:
    written = spec.hardware.clock_speed
    match = _CLOCK.fullmatch(written)
    if not match:
        if written:
            review.remark(
                "warning", "hardware.clock_speed", "It is no frequency; left out."
            )
        return
    hertz = round(float(match[1]) * _SCALE[match[2].lower()])
    if hertz != board.f_cpu:
        review.substituted(
            "hardware.clock_speed",
            f"The firmware is made for the clock of the {board.name}.",
            written,
            f"{board.f_cpu // 1_000_000}MHz",
        )
