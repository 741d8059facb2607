"""Checks a contract before anything runs on its word.

A contract comes from another plugin or from a file: foreign data. What is wrong
with it is said in full, as reasons with the place in the document; what passes
can be executed without a look at its types (`runtime.scenario`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lockgate.values import Reason
from lockgate_devices._foreign import as_list, as_mapping, is_int

__all__ = ["PIN_LIMIT", "STEP_LIMIT", "TIME_LIMIT_MS", "check_contract"]

PIN_LIMIT = 512
STEP_LIMIT = 5_000
LINE_LIMIT_CHARS = 4_096
TIME_LIMIT_MS = 600_000
"""What a scenario's steps may take together: ten minutes of the device."""

_REASON_LIMIT = 50
_MODES = ("output", "input", "input_pullup", "analog", "pwm")

_Check = Callable[[object], str]


def _number(low: float, high: float) -> _Check:
    def check(value: object) -> str:
        fits = False
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            fits = low <= value <= high  # false for NaN
        return "" if fits else f"a number from {low:g} to {high:g}"

    return check


def _whole(low: int, high: int) -> _Check:
    def check(value: object) -> str:
        fits = False
        if isinstance(value, int) and not isinstance(value, bool):
            fits = low <= value <= high
        return "" if fits else f"a whole number from {low} to {high}"

    return check


def _text(limit: int) -> _Check:
    def check(value: object) -> str:
        fits = isinstance(value, str) and len(value) <= limit and "\n" not in value
        return "" if fits else f"one line of text, at most {limit} characters"

    return check


def _one_of(*allowed: object) -> _Check:
    def check(value: object) -> str:
        same = any(value == one and type(value) is type(one) for one in allowed)
        return "" if same else "one of " + ", ".join(map(repr, allowed))

    return check


def _or_null(inner: _Check) -> _Check:
    return lambda value: "" if value is None else inner(value)


def _method(value: object) -> str:
    fits = isinstance(value, str) and value.isidentifier() and len(value) <= 100
    fits = fits and not str(value).startswith("_")
    return "" if fits else "the name of a public method"


def _plain(value: object) -> str:
    fits = value is None or isinstance(value, (bool, int, float))
    fits = fits or (isinstance(value, str) and len(value) <= LINE_LIMIT_CHARS)
    return "" if fits else "null, a truth value, a number or text"


def _plain_list(value: object) -> str:
    items = as_list(value)
    fits = items is not None and len(items) <= 16 and not any(map(_plain, items))
    return "" if fits else "a list of at most 16 plain values"


_LEVEL = _one_of(0, 1)
_LINE = _text(LINE_LIMIT_CHARS)
_MS = _number(0, TIME_LIMIT_MS)
_COUNT = _or_null(_whole(0, 1_000_000))

_STEPS: dict[str, tuple[dict[str, _Check], dict[str, _Check]]] = {
    "run": ({"ms": _whole(0, TIME_LIMIT_MS)}, {}),
    "call": (
        {
            "method": _method,
            "args": _plain_list,
            "result": _plain,
            "send": _LINE,
            "reply": _LINE,
        },
        {},
    ),
    "send": ({"line": _LINE, "reply": _or_null(_LINE)}, {}),
    "drive": ({"pin": _text(32), "level": _or_null(_LEVEL)}, {}),
    "analog": (
        {"pin": _text(32), "value": _whole(0, 65_535), "max": _whole(1, 65_535)},
        {},
    ),
    "level": ({"pin": _text(32), "level": _LEVEL}, {}),
    "mode": ({"pin": _text(32), "mode": _one_of(*_MODES)}, {}),
    "edges": (
        {"pin": _text(32), "within_ms": _whole(1, TIME_LIMIT_MS)},
        {
            "period_ms": _or_null(_MS),
            "count_min": _COUNT,
            "count_max": _COUNT,
            "tolerance_ms": _MS,
            "same_window": _one_of(True, False),
        },
    ),
    "pwm": (
        {
            "pin": _text(32),
            "freq_hz": _number(1, 40_000_000),
            "duty_percent": _number(0, 100),
        },
        {},
    ),
}
"""For each step: the fields that it needs, and those it may have."""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number too long for Python to write down
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:60]}…"


class _Reasons:
    def __init__(self) -> None:
        self.found: list[Reason] = []

    def add(self, where: str, message: str, hint: str = "") -> None:
        if len(self.found) < _REASON_LIMIT:
            self.found.append(Reason("contract-invalid", where, message, hint))

    def need(self, where: str, value: object, check: _Check) -> bool:
        wanted = check(value)
        if wanted:
            self.add(where, f"must be {wanted}, is {_shown(value)}")
        return not wanted


def check_contract(contract: Mapping[str, Any]) -> tuple[Reason, ...]:
    """List what is wrong with `contract`; empty if it can be executed."""
    reasons = _Reasons()
    if not reasons.need("schema", contract.get("schema"), _one_of(1)):
        return tuple(reasons.found)
    pins = _check_board(contract.get("board"), reasons)
    serial = as_mapping(contract.get("serial"))
    if serial is not None:
        reasons.need("serial.baud", serial.get("baud"), _whole(50, 4_000_000))
        reasons.need("serial.port", serial.get("port", "uart"), _one_of("uart", "usb"))
    else:
        reasons.add("serial", "must be an object with `baud`")
    reasons.need("platform", contract.get("platform", ""), _text(200))
    artifacts = as_mapping(contract.get("artifacts"))
    if artifacts is None:
        reasons.add("artifacts", "must be an object: target -> path in the tree")
    else:
        for target, path in artifacts.items():
            reasons.need(f"artifacts.{target}", path, _text(512))
    _check_scenario(contract.get("scenario"), pins, reasons)
    return tuple(reasons.found)


def _check_board(document: object, reasons: _Reasons) -> frozenset[str] | None:
    board = as_mapping(document)
    if board is None:
        reasons.add("board", "must be an object")
        return None
    for field in ("id", "name", "mcu"):
        reasons.need(f"board.{field}", board.get(field, ""), _text(200))
    for field in ("f_cpu", "flash_bytes", "ram_bytes"):
        value = board.get(field)
        reasons.need(f"board.{field}", value, _or_null(_whole(1, 1 << 40)))
    pins = as_mapping(board.get("pins"))
    if pins is None or len(pins) > PIN_LIMIT:
        reasons.add("board.pins", f"must be an object of at most {PIN_LIMIT} pins")
        return None
    for name, able in pins.items():
        if _text(32)(name) or as_mapping(able) is None:
            reasons.add(f"board.pins.{name:.32}", "must be an object of facts")
    return frozenset(pins)


def _check_scenario(
    document: object, pins: frozenset[str] | None, reasons: _Reasons
) -> None:
    scenario = as_list(document)
    if scenario is None:
        reasons.add("scenario", "must be a list of steps")
        return
    if len(scenario) > STEP_LIMIT:
        reasons.add("scenario", f"has {len(scenario)} steps, at most {STEP_LIMIT}")
        return
    total_ms = 0
    for index, item in enumerate(scenario):
        where = f"scenario[{index}]"
        step = as_mapping(item)
        if step is None:
            reasons.add(where, "must be an object")
            continue
        _check_step(where, step, pins, reasons)
        for field in ("ms", "within_ms"):
            value = step.get(field, 0)
            if is_int(value) and step.get("same_window") is not True:
                total_ms += value
    if total_ms > TIME_LIMIT_MS:
        reasons.add(
            "scenario",
            f"takes {total_ms} ms of device time",
            f"keep it within {TIME_LIMIT_MS} ms",
        )


def _check_step(
    where: str, step: Mapping[str, Any], pins: frozenset[str] | None, reasons: _Reasons
) -> None:
    kind = step.get("do")
    if not isinstance(kind, str) or kind not in _STEPS:
        reasons.need(f"{where}.do", kind, _one_of(*_STEPS))
        return
    needed, allowed = _STEPS[kind]
    for field, check in needed.items():
        if field not in step:
            reasons.add(f"{where}.{field}", f"is missing: {kind!r} needs it")
        else:
            reasons.need(f"{where}.{field}", step[field], check)
    for field, check in allowed.items():
        if field in step:
            reasons.need(f"{where}.{field}", step[field], check)
    pin = step.get("pin")
    known = pins is None or not isinstance(pin, str) or pin in pins
    if "pin" in needed and not known:
        reasons.add(f"{where}.pin", f"the board has no pin {pin!r:.60}")
    if kind == "analog" and not reasons.found and step["value"] > step["max"]:
        reasons.add(f"{where}.value", "is more than `max`")
