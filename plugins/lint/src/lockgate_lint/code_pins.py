"""The code against the contract: does it use the pins that were promised?

This is what finds a bug of the generator: the contract says ``output`` on pin 13,
and the code drives pin 12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lockgate_lint.contract import Contract
from lockgate_lint.pins import Problem
from lockgate_lint.uses import PinUse, effective_mode

__all__ = ["CodeProblem", "check_code"]


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """A broken rule at a place in the code."""

    rule: str
    message: str
    use: PinUse


_INPUTS = frozenset({"input", "input_pullup"})


def check_code(
    contract: Contract, uses: Sequence[PinUse], *, needs_mode: bool
) -> Iterator[CodeProblem | Problem]:
    """Hold the `uses` of one file against `contract`.

    `needs_mode` says that a pin must be set up before it is used (Arduino's
    ``pinMode``); MicroPython's pins are set up as they are made.
    """
    by_pin: defaultdict[str, list[PinUse]] = defaultdict(list)
    for use in uses:
        if use.action == "unresolved":
            message = "this pin's number only shows when the code runs"
            yield CodeProblem("code-pin-unresolved", message, use)
        elif use.action != "serial":
            by_pin[contract.canonical(use.pin)].append(use)
    promised = {part.pin: part for part in contract.peripherals}
    for pin, of_pin in by_pin.items():
        yield from _itself(pin, of_pin, needs_mode)
        if pin not in promised:
            message = f"the contract knows nothing of pin {pin}"
            yield CodeProblem("code-pin-extra", message, of_pin[0])
            continue
        part, seen = promised[pin], effective_mode(of_pin)
        if part.mode and seen != part.mode:
            message = (
                f"{part.id}: pin {pin} is set up as {seen or 'nothing'}, "
                f"the contract says {part.mode}"
            )
            yield CodeProblem("code-pin-mode", message, of_pin[0])
    # With a pin that could not be followed, a missing one proves nothing.
    if all(use.action != "unresolved" for use in uses):
        for pin, part in promised.items():
            if pin not in by_pin:
                message = f"{part.id}: the code never sets up pin {pin}"
                yield Problem("code-pin-missing", message, part.id, pin)


def _itself(pin: str, uses: list[PinUse], needs_mode: bool) -> Iterator[CodeProblem]:
    """What is wrong with one pin whatever the contract says."""
    modes = {use.mode for use in uses if use.action == "mode"}
    digital = [use for use in uses if use.action in ("write", "read")]
    if needs_mode and digital and not modes:
        message = f"pin {pin} is used without pinMode"
        yield CodeProblem("code-pin-unset", message, digital[0])
    written = [use for use in uses if use.action == "write"]
    if written and modes and modes <= _INPUTS:
        message = f"pin {pin} is written to, but set up as an input"
        yield CodeProblem("code-write-input", message, written[0])
