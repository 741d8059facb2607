"""A generation's contract, as far as the pin check reads it.

The contract is foreign data: whatever is missing or of another type is left
out, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lockgate.values import Data
from lockgate_lint.boards import NO_FACTS, Facts, facts_of

__all__ = ["BoardPin", "Contract", "Peripheral", "read_contract"]


_CURRENT_LIMIT_MA = 100_000
"""A larger figure is no current of a peripheral."""


@dataclass(frozen=True, slots=True)
class BoardPin:
    """What the contract says one pin can do."""

    output: bool = True
    input: bool = True
    pull_up: bool = True
    external_pull_up: bool = False
    pwm: bool = True
    analog: bool = True
    reserved: str = ""


@dataclass(frozen=True, slots=True)
class Peripheral:
    """One promise: the peripheral `id` drives or reads `pin` in `mode`.

    A peripheral with several pins is several of these. `current_ma` is 0 if the
    contract does not say. `kind` is what the firmware treats it as, `type` what it
    is (a relay is treated as an LED).
    """

    id: str
    kind: str
    type: str
    pin: str
    mode: str
    pull: str = ""
    current_ma: float = 0.0
    control: bool = False
    """A signal beside the one that carries the load (a motor's direction)."""


@dataclass(frozen=True, slots=True)
class Contract:
    """The parts of a contract that lint needs; `known` is False if there is none."""

    known: bool = False
    board: str = ""
    facts: Facts = NO_FACTS
    pins: Mapping[str, BoardPin] | None = None
    peripherals: tuple[Peripheral, ...] = ()
    serial: bool = False
    wifi: bool = False
    artifacts: Mapping[str, str] | None = None

    def canonical(self, written: str) -> str:
        """One name for the spellings of a pin: ``14`` is ``A0`` on an Uno."""
        name = written.upper().removeprefix("GPIO")
        if self.pins and name in self.pins:
            return name
        return self.facts.aliases.get(name, name)


def _mapping(value: Data) -> Mapping[str, Data]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Data) -> Sequence[Data]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _text(value: Data) -> str:
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def _flag(entry: Mapping[str, Data], name: str, default: bool) -> bool:
    value = entry.get(name, default)
    return value if isinstance(value, bool) else default


def _board_pins(value: Data) -> dict[str, BoardPin] | None:
    pins = _mapping(value)
    if not pins:
        return None
    entries = {name.upper(): _mapping(entry) for name, entry in pins.items()}
    return {
        name: BoardPin(
            output=_flag(entry, "output", True),
            input=_flag(entry, "input", True),
            pull_up=_flag(entry, "pull_up", True),
            external_pull_up=_flag(entry, "external_pull_up", False),
            pwm=_flag(entry, "pwm", True),
            analog=_flag(entry, "analog", True),
            reserved=_text(entry.get("reserved")),
        )
        for name, entry in entries.items()
    }


# The fields of a peripheral that name a pin, and the mode that each implies.
_PIN_FIELDS = (("pin", ""), ("pin_b", ""), ("direction_pin", "output"))


def _milliamperes(value: Data) -> float:
    sane = isinstance(value, int | float) and 0 <= value < _CURRENT_LIMIT_MA
    return float(value) if sane and isinstance(value, int | float) else 0.0


def _peripherals(value: Data) -> list[Peripheral]:
    found: list[Peripheral] = []
    for item in _sequence(value):
        entry = _mapping(item)
        mode = _text(entry.get("mode"))
        found += [
            Peripheral(
                id=_text(entry.get("id")),
                kind=_text(entry.get("kind")) or _text(entry.get("type")),
                type=_text(entry.get("type")) or _text(entry.get("kind")),
                pin=_text(entry.get(name)),
                mode=implied or mode,
                pull=_text(entry.get("pull")),
                current_ma=0.0 if implied else _milliamperes(entry.get("current_ma")),
                control=bool(implied),
            )
            for name, implied in _PIN_FIELDS
            if _text(entry.get(name))
        ]
    return found


def read_contract(document: Mapping[str, Data]) -> Contract:
    """The parts of `document` that lint needs."""
    if not document:
        return Contract()
    board = _mapping(document.get("board"))
    peripherals = _peripherals(document.get("peripherals"))
    kinds = {
        _text(_mapping(item).get("type"))
        for name in ("peripherals", "missing")
        for item in _sequence(document.get(name))
    }
    contract = Contract(
        known=True,
        board=_text(board.get("name")) or _text(board.get("id")) or "the board",
        facts=facts_of(_text(board.get("mcu"))),
        pins=_board_pins(board.get("pins")),
        serial=bool(_mapping(document.get("serial"))),
        wifi=bool(document.get("wifi")) or any("wifi" in kind for kind in kinds),
        artifacts={
            name: _text(path)
            for name, path in _mapping(document.get("artifacts")).items()
            if _text(path)
        },
    )
    named = tuple(replace(p, pin=contract.canonical(p.pin)) for p in peripherals)
    return replace(contract, peripherals=named)
