"""The pages that come with the firmware: the pin table and the read-me."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate_firmware._text import markdown
from lockgate_firmware.model import Model
from lockgate_firmware.problems import Remark
from lockgate_firmware.resolve._pin_table import matters

__all__ = ["pin_table", "readme"]

_MODES = {
    "output": "output",
    "input": "input",
    "input_pullup": "input, pull-up",
    "analog": "analog input",
    "pwm": "PWM output",
}


def pin_table(model: Model) -> str:
    """The pins of `model` as a Markdown table."""
    lines = [
        f"# Pins of {markdown(model.title)}",
        "",
        f"Board: {model.board.name}.",
        "",
        "| pin | mode | used by | what it is | know that |",
        "|---|---|---|---|---|",
    ]
    for part in model.parts:
        for pin, mode in part.pins.items():
            about = part.description or part.title
            warn = "; ".join(w for w in model.board.pins[pin].warn if matters(w, mode))
            lines.append(
                f"| {pin} | {_MODES[mode]} | `{part.id}` | {markdown(about)} "
                f"| {markdown(warn)} |"
            )
    for missing in model.missing:
        about = missing.description or missing.title
        lines.append(
            f"| {missing.pin or '-'} | left alone | {markdown(missing.type)}, not "
            f"driven | {markdown(about)} | |"
        )
    for name, pin in model.named_pins:
        lines.append(f"| {pin} | left alone | {markdown(name)} | | |")
    return "\n".join(lines) + "\n"


def readme(
    model: Model, artifacts: Mapping[str, str], remarks: Sequence[Remark]
) -> str:
    """What lies in the folder, how to use it, and what was made otherwise."""
    lines = [
        f"# {markdown(model.title)}",
        "",
        f"Firmware for the {model.board.name}, generated from a hardware spec.",
        "`contract.json` says what it promises.",
        "",
    ]
    for target, path in artifacts.items():
        lines.append(f"- `{path}`: {_about(target, model)}")
    lines += ["", "## Commands", ""]
    lines.append(f"One line each, at {model.baud} baud; every line gets one line back.")
    lines += ["", "| send | answer | |", "|---|---|---|"]
    lines.append(f"| `hello` | `lockgate 1 {model.name}` | who is there |")
    for part in model.parts:
        for command in part.commands():
            lines.append(
                f"| `{command.line(part.id)}` | `{part.id} {command.reply}` "
                f"| {markdown(command.doc)} |"
            )
    told = [remark for remark in remarks if remark.kind != "info"]
    if told:
        lines += ["", "## Know that", ""]
        lines += [_remark(remark) for remark in told]
    return "\n".join(lines) + "\n"


def _about(target: str, model: Model) -> str:
    if target == "micropython" and not model.board.runs_micropython:
        return (
            "a simulation twin in MicroPython; this board cannot run it, a virtual "
            "board can."
        )
    return {
        "micropython": "the firmware; copy it to the board as `main.py`.",
        "arduino": "the firmware; open it in the Arduino IDE.",
        "sdk": "a Python client: `open_serial(port)`, then one method per command.",
        "pins": "which pin does what.",
    }[target]


def _remark(remark: Remark) -> str:
    text = f"- {markdown(remark.subject)}: {markdown(remark.message)}"
    if remark.kind == "substituted":
        text += f" Asked: {markdown(remark.asked)}; made: {markdown(remark.given)}."
    return text
