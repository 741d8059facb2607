"""Menders of pins: a peripheral moves to a pin that can do what it needs.

A pin that the spec's own table names for this kind of thing comes first
(``STATUS_LED: 12`` for an LED), then the board's pins in the order of `boards`.
When a pin has only one user, its name in the table moves along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from lockgate_assistant.boards import Board, Role, role_of
from lockgate_assistant.material import Trouble, mapping, sequence
from lockgate_assistant.mend import (
    PIN_KEYS,
    Case,
    Mender,
    board_of_spec,
    listed,
    owners,
)
from lockgate_assistant.spec_yaml import Path, SpecYaml

__all__ = ["PIN_MENDERS"]

_PIN = re.compile(r"[A-Za-z]{0,4}[0-9]{1,3}", re.ASCII)
_FINDING = re.compile(r"(\w{1,80}): ")


def _kind(spec: SpecYaml, path: Path) -> str:
    return spec.word((*path[:-1], "type")).lower()


def _role(spec: SpecYaml, board: Board, path: Path) -> Role:
    kind = _kind(spec, path)
    # Arduino's tone() makes its wave on any pin.
    if kind in ("speaker", "buzzer") and board.platform == "arduino":
        return "output"
    return role_of(kind, str(path[-1]))


def _names(spec: SpecYaml, board: Board) -> dict[str, list[str]]:
    """The pin table turned round: pin -> its names."""
    found: dict[str, list[str]] = {}
    for name in mapping(spec.get(("pins",))):
        if written := spec.word(("pins", name)):
            found.setdefault(board.own_name(written), []).append(name)
    return found


def _candidates(
    spec: SpecYaml, board: Board, path: Path, trouble: Trouble
) -> Iterator[str]:
    role, kind = _role(spec, board, path), _kind(spec, path)
    able = board.pins[role]
    # The refusal knows the board better than this table does.
    stated = {board.own_name(word) for word in listed(trouble)}
    for pin, names in _names(spec, board).items():
        meant = any(kind and kind in re.split(r"[_0-9]+", n.lower()) for n in names)
        if meant and pin in able:
            yield pin
    yield from (pin for pin in able if not stated or pin in stated)


def _free(spec: SpecYaml, board: Board, path: Path, trouble: Trouble) -> str:
    """A pin for what stands at `path`, or empty."""
    taken = {pin for pin, where in owners(spec, board) if where != path}
    own = board.own_name(spec.word(path))
    named = _names(spec, board)
    kind = _kind(spec, path)
    used_kinds = any(
        _kind(spec, where) in ("speaker", "buzzer") for _, where in owners(spec, board)
    )
    avoid = set(board.tone_timer) if kind in ("motor", "fan", "pump") else set[str]()
    for pin in _candidates(spec, board, path, trouble):
        if pin in taken or pin == own or (used_kinds and pin in avoid):
            continue
        words = {w for n in named.get(pin, []) for w in re.split(r"[_0-9]+", n.lower())}
        # A pin that is named for another kind of thing is kept for that.
        if named.get(pin) and kind not in words:
            continue
        return pin
    return ""


def _put(spec: SpecYaml, board: Board, path: Path, pin: str) -> None:
    """Write `pin` at `path`, and into the table where the old pin had a name."""
    old = board.own_name(spec.word(path))
    if spec.node(path) is None:
        spec.insert(path, pin)
    else:
        spec.replace(path, pin)
    still_used = any(used == old for used, _ in owners(spec, board))
    names = _names(spec, board)
    if old and not still_used:
        for name in names.get(old, [])[:1]:
            if pin not in names:
                spec.replace(("pins", name), pin)
            else:
                spec.remove(("pins", name))


def _move(case: Case) -> str:
    board = board_of_spec(case.spec)
    if board is None:
        return ""
    if case.path[:1] == ("pins",):
        return _move_named(case, board)
    if case.path[:1] != ("peripherals",) or case.path[-1] not in PIN_KEYS:
        return ""
    written = case.spec.word(case.path)
    pin = _free(case.spec, board, case.path, case.trouble)
    if not pin:
        return ""
    _put(case.spec, board, case.path, pin)
    what = f"the {_kind(case.spec, case.path) or 'peripheral'}"
    came = f" from {written}" if written else ""
    return f"moves {what}{came} to pin {pin}, which is free and can do it"


def _move_named(case: Case, board: Board) -> str:
    """A name of the table for a pin that is not there: with its user, or out."""
    old = board.own_name(case.spec.word(case.path))
    for pin, where in owners(case.spec, board):
        if pin == old:
            return _move(replace(case, path=where))
    case.spec.remove(case.path)
    return "takes the name out of the table: nothing uses that pin"


def _clean(case: Case) -> str:
    """What stands there is no pin: the pin at its start if that is free, else one."""
    board = board_of_spec(case.spec)
    match = _PIN.match(case.spec.word(case.path).strip())
    if board is None:
        return ""
    if match and case.path[:1] == ("peripherals",):
        pin = board.own_name(match[0])
        taken = {used for used, where in owners(case.spec, board) if where != case.path}
        if pin in board.pins[_role(case.spec, board, case.path)] and pin not in taken:
            case.spec.replace(case.path, match[0].upper())
            return f"keeps the pin {pin} and drops what stands behind it"
    if match and case.path[:1] == ("pins",):
        case.spec.replace(case.path, match[0].upper())
        return f"keeps the pin {match[0]} and drops what stands behind it"
    return _move(case)


def _contradiction(case: Case) -> str:
    """The pin table against the peripherals: the peripherals are what is built."""
    board = board_of_spec(case.spec)
    if board is None or case.path[:1] != ("pins",):
        return ""
    names = {word for word in re.split(r"[_0-9]+", str(case.path[-1]).lower()) if word}
    named = _names(case.spec, board)
    for pin, where in owners(case.spec, board):
        if _kind(case.spec, where) in names and pin not in named:
            case.spec.replace(case.path, case.spec.word(where))
            return f"lets the name say what the peripheral says: pin {pin}"
    case.spec.remove(case.path)
    return "takes the name out of the table: the peripherals say which pin is whose"


def _finding(case: Case) -> str:
    """A finding names the peripheral as ``led_2: ...``: find it, and move it."""
    match, board = _FINDING.match(case.trouble.message), board_of_spec(case.spec)
    if match is None or board is None:
        return ""
    for index, item in enumerate(sequence(case.spec.get(("peripherals",)))):
        entry: Mapping[str, object] = mapping(item)
        name = f"{entry.get('type')}_{entry.get('pin')}".lower()
        if name == match[1]:
            return _move(replace(case, path=("peripherals", index, "pin")))
    return ""


def _either(case: Case) -> str:
    return (_move if case.trouble.refusal else _finding)(case)


PIN_MENDERS: Mapping[str, Mender] = {
    **dict.fromkeys(
        (
            *("duplicate-pin", "missing-pin", "pin-input-only", "pin-no-pwm"),
            *("pin-not-analog", "pin-not-digital", "pin-not-on-board"),
            *("pin-reserved", "timer-conflict", "pin-shared", "pin-unknown"),
            *("pin-strapping", "pin-serial", "pin-adc2-wifi", "pin-no-analog"),
            *("pin-cannot-output", "pin-cannot-input", "pin-no-pull-up"),
        ),
        _either,
    ),
    "bad-pin": _clean,
    "contradiction": _contradiction,
}
