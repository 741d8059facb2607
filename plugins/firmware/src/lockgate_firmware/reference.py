"""The reference page of the peripherals, written from the code.

python -m lockgate_firmware.reference > docs/reference/peripherals.md
"""

from __future__ import annotations

import sys

from lockgate_firmware._words import NOT_DRIVEN, TIMING_LIMITS, TIMING_UNUSED
from lockgate_firmware.boards import BOARDS, Board
from lockgate_firmware.parts import KINDS

__all__ = ["page"]

_TIMING_USE = {
    "BAUD_RATE": "speed of the serial link (`communication.baudrate` says the same)",
    "BLINK_INTERVAL": "time between two edges of every `led`, until it is commanded",
    "UPDATE_INTERVAL": "`UPDATE_INTERVAL_MS` of the SDK, for its user to ask so often; "
    "the pace of sensors if there is no `SAMPLE_RATE`",
    "SAMPLE_RATE": "time between two samples of every sensor",
    "PWM_FREQUENCY": "frequency of every motor; on AVR the pin's timer decides",
}

_HEAD = """\
<!-- Written by lockgate_firmware.reference: change the code, not this page. -->
# What the firmware does with each peripheral

This is the contract of each kind, in words; [contract.md](contract.md) is its form as
data. MicroPython and Arduino C++ do the same, and answer the same to every line.

`ID` is `TYPE_PIN` in lower case, with the pin as the spec writes it: `led_13`,
`sensor_a0`. Each command is a method of the SDK: `led_13_get()`, `led_13_set(True)`.
"""


def page() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    parts += [_kind(index) for index in range(len(KINDS))]
    parts += [_not_driven(), _timing(), _boards()]
    return "\n".join(parts)


def _kind(index: int) -> str:
    kind = KINDS[index]
    row = kind.row
    lines = [
        f"## {kind.kind}",
        "",
        "| | |",
        "|---|---|",
        f"| types in a spec | {row.types} |",
        f"| pins | {row.pins} |",
        f"| at reset | {row.at_reset} |",
        f"| does | {row.does} |",
        f"| commands -> answers | {row.commands} |",
        f"| timing | {row.timing} |",
        f"| refused | {row.refused} |",
        "",
    ]
    return "\n".join(lines)


def _not_driven() -> str:
    lines = [
        "## Known, and not driven yet",
        "",
        "The spec is accepted, nothing is done with them, and the result says so in a",
        "note of kind `substituted`. Their pins are taken all the same.",
        "",
        "| type | what that means |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in NOT_DRIVEN.items()]
    return "\n".join([*lines, "", "Any other type is refused.", ""])


def _timing() -> str:
    lines = [
        "## Timing keys",
        "",
        "| key | values | is |",
        "|---|---|---|",
    ]
    for key, (low, high, unit) in TIMING_LIMITS.items():
        use = _TIMING_USE.get(key) or f"not used: {TIMING_UNUSED[key]}"
        lines.append(f"| `{key}` | {low} to {high} {unit} | {use} |")
    return "\n".join([*lines, ""])


def _boards() -> str:
    lines = [
        "## Boards",
        "",
        "| id | board | platform | processor | targets |",
        "|---|---|---|---|---|",
    ]
    for board in BOARDS.values():
        lines.append(
            f"| `{board.id}` | {board.name} | `{board.platform}` | `{board.mcu}` "
            f"| {_targets(board)} |"
        )
    text = "A simulation twin is MicroPython for a board that cannot run MicroPython: "
    return "\n".join([*lines, "", text + "a virtual board can.", "", *_pin_facts(), ""])


def _targets(board: Board) -> str:
    twin = "MicroPython" if board.runs_micropython else "MicroPython (simulation twin)"
    return f"{twin}, Arduino C++" if board.avr else twin


def _pin_facts() -> list[str]:
    lines = ["### Pins", ""]
    for board in BOARDS.values():
        able = {
            "output": [n for n, p in board.pins.items() if p.output and not p.reserved],
            "pull-up": [
                n
                for n, p in board.pins.items()
                if (p.pull_up or p.external_pull_up) and not p.reserved
            ],
            "PWM": [n for n, p in board.pins.items() if p.pwm and not p.reserved],
            "analog": [n for n, p in board.pins.items() if p.analog and not p.reserved],
            "not to be had": [n for n, p in board.pins.items() if p.reserved],
        }
        lines.append(f"**{board.name}** (`{board.id}`)")
        lines.append("")
        lines += [
            f"- {name}: {', '.join(_runs(pins)) or 'none'}"
            for name, pins in able.items()
        ]
        lines.append("")
    return lines[:-1]


def _runs(pins: list[str]) -> list[str]:
    """Names with neighbours drawn together: 2, 3, 4 -> 2-4."""
    runs: list[tuple[str, int, int]] = []
    for pin in pins:
        letters = pin.rstrip("0123456789")
        number = int(pin[len(letters) :])
        if runs and runs[-1][0] == letters and runs[-1][2] == number - 1:
            runs[-1] = (letters, runs[-1][1], number)
        else:
            runs.append((letters, number, number))
    return [
        f"{letters}{first}" if first == last else f"{letters}{first}-{letters}{last}"
        for letters, first, last in runs
    ]


if __name__ == "__main__":
    sys.stdout.write(page())
