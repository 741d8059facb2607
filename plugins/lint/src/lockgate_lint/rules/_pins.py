"""Rules of the pin check: contract against board, code against contract."""

from __future__ import annotations

from lockgate.values import Severity
from lockgate_lint.rules._rule import Rule

__all__ = ["PIN_RULES"]

_ROWS: tuple[tuple[str, Severity, str, str], ...] = (
    (
        "pin-unknown",
        "error",
        "The board has no such pin",
        "choose a pin of the board",
    ),
    (
        "pin-reserved",
        "error",
        "The pin is the board's own: flash memory, serial link, debug port",
        "choose another pin: using it stops the board or cuts you off",
    ),
    (
        "pin-shared",
        "error",
        "Two peripherals want one pin",
        "give each peripheral a pin of its own",
    ),
    (
        "pin-cannot-output",
        "error",
        "The pin is an output but can only read (ESP32: GPIO34 to 39)",
        "move the peripheral to a pin that can drive",
    ),
    (
        "pin-cannot-input",
        "error",
        "The pin is an input but cannot read",
        "move the peripheral to a pin that can read",
    ),
    (
        "pin-no-pull-up",
        "error",
        "A pull-up is asked of a pin that has none (ESP32: GPIO34 to 39)",
        "use another pin, or a resistor on the board and mode input",
    ),
    (
        "pin-no-pwm",
        "error",
        "PWM is asked of a pin that has none",
        "move the peripheral to a pin with PWM",
    ),
    (
        "pin-no-analog",
        "error",
        "An analog reading is asked of a digital pin",
        "move the sensor to an analog pin",
    ),
    (
        "pin-adc2-wifi",
        "error",
        "An analog pin of ADC2 while WiFi is on: the radio owns ADC2 (ESP32)",
        "use an ADC1 pin: GPIO32 to 39",
    ),
    (
        "pin-serial",
        "warning",
        "A pin of the serial port while serial is on",
        "leave the port's RX and TX pins free",
    ),
    (
        "pin-strapping",
        "warning",
        "A strapping pin: its level at reset decides how the chip boots",
        "use another pin, or be sure that nothing pulls it at reset",
    ),
    (
        "pin-floating-input",
        "warning",
        "A button on an input without a pull-up: it reads noise when open",
        "use the pull-up, or state `pull: external` and fit a resistor",
    ),
    (
        "pin-current",
        "warning",
        "One output is asked for more current than a pin may give",
        "drive the load through a transistor",
    ),
    (
        "pin-total-current",
        "warning",
        "All outputs together are asked for more than the chip may give",
        "use fewer or dimmer LEDs, or drive them through transistors",
    ),
    (
        "pin-needs-driver",
        "note",
        "A motor, relay or speaker draws more than a pin gives",
        "put a driver or transistor between pin and load",
    ),
    (
        "code-pin-missing",
        "error",
        "The contract promises a pin that the code never sets up",
        "set the pin up: the generator left it out",
    ),
    (
        "code-pin-extra",
        "error",
        "The code uses a pin that the contract does not know",
        "use the contract's pins only",
    ),
    (
        "code-pin-mode",
        "error",
        "The code sets a pin up in another mode than the contract says",
        "set the mode that the contract says",
    ),
    (
        "code-pin-unset",
        "error",
        "The code reads or writes a pin without a `pinMode` for it",
        "call pinMode in setup()",
    ),
    (
        "code-write-input",
        "error",
        "The code writes to a pin that it set up as an input",
        "set it up as an output, or do not write to it",
    ),
    (
        "code-pin-unresolved",
        "note",
        "A pin whose number only shows when the code runs: not checked",
        "name pins by constants",
    ),
)

PIN_RULES = tuple(
    Rule(code, "pins", severity, title, hint) for code, severity, title, hint in _ROWS
)
