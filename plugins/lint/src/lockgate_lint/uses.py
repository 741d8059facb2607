"""What code does with a pin, in one form for MicroPython and C++."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Action", "PinUse", "effective_mode"]

Action: TypeAlias = Literal[
    "mode", "write", "read", "analog", "pwm", "serial", "unresolved"
]


@dataclass(frozen=True, slots=True)
class PinUse:
    """One thing that code does with a pin.

    `pin` is the code's own spelling, empty if it could not be found out. `mode`
    (for action ``mode``) is one of the contract's words: ``output``, ``input``,
    ``input_pullup``, or empty if the code names none.
    """

    action: Action
    pin: str
    path: str
    line: int
    column: int = 1
    mode: str = ""


def effective_mode(uses: list[PinUse]) -> str:
    """The contract's word for what `uses` make of one pin; empty if nothing.

    An ADC or a timer takes the pin over, whatever its mode was set to before.
    """
    actions = {use.action for use in uses}
    if "analog" in actions:
        return "analog"
    if "pwm" in actions:
        return "pwm"
    modes = [use.mode for use in uses if use.action == "mode" and use.mode]
    return modes[-1] if modes else ""
