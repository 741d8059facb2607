"""The pin and electrical check: the contract against the board.

Every limit comes from the contract's own board data or from `boards`, which
names its sources.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lockgate_lint.boards import Facts
from lockgate_lint.contract import BoardPin, Contract, Peripheral

__all__ = ["LED_MA", "Problem", "check_board"]

LED_MA = 10.0
"""What an LED is taken to draw where the contract does not say: 330 ohm at 5 V."""

_LOADS = frozenset({"motor", "fan", "pump", "relay", "speaker", "buzzer", "servo"})
_DRIVES = frozenset({"output", "pwm"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken rule of the contract, of peripheral `id` at `pin`."""

    rule: str
    message: str
    id: str = ""
    pin: str = ""


def check_board(contract: Contract) -> Iterator[Problem]:
    """What is wrong with the pins of `contract`, most local first."""
    for peripheral in contract.peripherals:
        yield from _capabilities(contract, peripheral)
        yield from _traps(contract, peripheral)
        yield from _current(contract.facts, peripheral)
    yield from _shared(contract)
    yield from _total_current(contract)


def _capabilities(contract: Contract, part: Peripheral) -> Iterator[Problem]:
    """The pin against what the board says that it can do."""
    if contract.pins is None:
        return
    pin = contract.pins.get(part.pin)
    facts, where = contract.facts, f"pin {part.pin} of {contract.board}"
    if part.pin in facts.reserved:
        message = f"{part.id}: {where} carries the flash memory"
        yield Problem("pin-reserved", message, part.id, part.pin)
        return
    if pin is None:
        message = f"{part.id}: {contract.board} has no pin {part.pin}"
        yield Problem("pin-unknown", message, part.id, part.pin)
        return
    if pin.reserved:
        message = f"{part.id}: {where} is for {pin.reserved}"
        yield Problem("pin-reserved", message, part.id, part.pin)
    for rule, cannot in _lacking(pin, facts, part):
        yield Problem(rule, f"{part.id}: {where} {cannot}", part.id, part.pin)


def _lacking(
    pin: BoardPin, facts: Facts, part: Peripheral
) -> Iterator[tuple[str, str]]:
    """Each thing that `part` wants and `pin` has not: the rule and the words."""
    mode, name = part.mode, part.pin
    if mode in _DRIVES and (not pin.output or name in facts.input_only):
        yield "pin-cannot-output", "can only be read"
    elif mode == "pwm" and not pin.pwm and not _by_tone(facts, part):
        yield "pin-no-pwm", "has no PWM"
    if mode in ("input", "input_pullup") and not pin.input:
        yield "pin-cannot-input", "cannot be read as a digital input"
    elif mode == "input_pullup" and (not pin.pull_up or name in facts.no_pull):
        yield "pin-no-pull-up", "has no pull-up inside"
    if mode == "analog" and not pin.analog:
        yield "pin-no-analog", "has no analog input"


def _by_tone(facts: Facts, part: Peripheral) -> bool:
    """Whether Arduino's ``tone()`` makes the wave, which works on any pin."""
    return facts.family == "avr" and part.kind in ("speaker", "buzzer")


def _traps(contract: Contract, part: Peripheral) -> Iterator[Problem]:
    """What works on paper and fails on the desk."""
    facts, where = contract.facts, f"pin {part.pin} of {contract.board}"
    held = contract.pins is not None and (
        (pin := contract.pins.get(part.pin)) is not None and pin.external_pull_up
    )
    if contract.serial and part.pin in facts.serial:
        message = f"{part.id}: {where} belongs to the serial port, which is in use"
        yield Problem("pin-serial", message, part.id, part.pin)
    if part.pin in facts.strapping:
        message = f"{part.id}: {where} decides at reset how the chip boots"
        yield Problem("pin-strapping", message, part.id, part.pin)
    if contract.wifi and part.mode == "analog" and part.pin in facts.adc2:
        message = f"{part.id}: {where} belongs to ADC2, which WiFi blocks"
        yield Problem("pin-adc2-wifi", message, part.id, part.pin)
    loose = part.mode == "input" and part.kind in ("button", "switch", "encoder")
    if loose and not held and part.pull not in ("external", "board"):
        message = f"{part.id}: nothing holds {where} while the button is open"
        yield Problem("pin-floating-input", message, part.id, part.pin)
    if part.mode in _DRIVES and part.type in _LOADS and not part.control:
        message = f"{part.id}: a {part.type} must not hang on {where} directly"
        yield Problem("pin-needs-driver", message, part.id, part.pin)


def _drawn(part: Peripheral) -> float:
    """What `part` draws from its pin, in milliamperes; a load has a driver."""
    if part.mode not in _DRIVES:
        return 0.0
    return part.current_ma or (LED_MA if part.type == "led" else 0.0)


def _current(facts: Facts, part: Peripheral) -> Iterator[Problem]:
    limit = facts.weak_ma.get(part.pin, facts.pin_ma)
    # Only what the contract states: a guess about one LED proves nothing.
    if limit and part.mode in _DRIVES and part.current_ma > limit:
        message = (
            f"{part.id}: {part.current_ma:g} mA are more than the {limit} mA "
            f"of pin {part.pin}"
        )
        yield Problem("pin-current", message, part.id, part.pin)


def _total_current(contract: Contract) -> Iterator[Problem]:
    total, limit = sum(map(_drawn, contract.peripherals)), contract.facts.total_ma
    if limit and total > limit:
        drawing = [part for part in contract.peripherals if _drawn(part)]
        message = (
            f"{len(drawing)} outputs draw {total:g} mA, more than the {limit} mA "
            f"of {contract.board}"
        )
        yield Problem("pin-total-current", message, drawing[0].id, drawing[0].pin)


def _shared(contract: Contract) -> Iterator[Problem]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for part in contract.peripherals:
        owners[part.pin].append(part.id)
    for pin, ids in owners.items():
        for other in ids[1:]:
            message = f"{other}: pin {pin} is already taken by {ids[0]}"
            yield Problem("pin-shared", message, other, pin)
