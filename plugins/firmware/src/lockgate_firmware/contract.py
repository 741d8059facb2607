"""The contract: what the generated files promise, and the steps that prove it.

``docs/reference/contract.md`` describes each field. The scenario names no
board's means: whoever runs firmware can execute it and give a verdict per
expectation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lockgate_firmware._data import Data, Document
from lockgate_firmware.model import LINE_LIMIT_BYTES, Model
from lockgate_firmware.parts.base import Round, run

__all__ = [
    "CONTRACT_SCHEMA",
    "PROTOCOL_VERSION",
    "build_contract",
    "hello_line",
]

CONTRACT_SCHEMA = 1
PROTOCOL_VERSION = 1

_BOOT_MS = 10
"""Less than the shortest blink interval: the first levels are still to be seen."""


def hello_line(name: str) -> str:
    """What a device called `name` answers to ``hello``."""
    return f"lockgate {PROTOCOL_VERSION} {name}"


def build_contract(model: Model, artifacts: Mapping[str, str]) -> Document:
    """Return the contract of `model`; `artifacts` maps a target to its file."""
    return {
        "schema": CONTRACT_SCHEMA,
        "device": model.name,
        "title": model.title,
        "platform": model.platform,
        "board": _board(model),
        "serial": {
            "baud": model.baud,
            "line_limit": LINE_LIMIT_BYTES,
            "port": model.board.serial_port,
        },
        "peripherals": [part.entry() for part in model.parts],
        "missing": [
            {"type": missing.type, "pin": missing.pin or None}
            for missing in model.missing
        ],
        "artifacts": dict(artifacts),
        "scenario": [
            step if "sdk" in artifacts else _without_sdk(step)
            for step in _scenario_of(model)
        ],
    }


def _without_sdk(step: Document) -> Document:
    """`step`, with a call of the SDK turned into the line that it would send."""
    if step["do"] != "call":
        return step
    return {"do": "send", "line": step["send"], "reply": step["reply"]}


def _board(model: Model) -> Document:
    board = model.board
    # tone() makes a square wave on any output of an AVR, PWM pin or not.
    sounding = {part.pin for part in model.parts if part.mode == "pwm"}
    return {
        "id": board.id,
        "name": board.name,
        "mcu": board.mcu,
        "f_cpu": board.f_cpu,
        "flash_bytes": board.flash_bytes,
        "ram_bytes": board.ram_bytes,
        "analog_max": board.analog_max,
        "pins": {
            name: {
                "output": pin.output,
                "input": pin.input,
                "pull_up": pin.pull_up,
                "external_pull_up": pin.external_pull_up,
                "pwm": pin.pwm or name in sounding,
                "analog": pin.analog,
                "reserved": pin.reserved,
                "warn": list(pin.warn),
            }
            for name, pin in board.pins.items()
        },
    }


def _scenario_of(model: Model) -> Sequence[Document]:
    """Return the steps, from reset: rest, hello, every command, hostile lines."""
    steps: list[Document] = [run(_BOOT_MS)]
    start = [step for part in model.parts for step in part.start_steps()]
    # To see a square wave takes time, in which a light may begin to blink.
    steps += sorted(start, key=lambda step: step["do"] == "pwm")
    steps += _together(part.idle_steps() for part in model.parts)
    steps.append(_hello(model))
    steps += _rounds(model)
    for part in model.parts:
        steps += part.use_steps()
    steps += _lines(model)
    return steps


def _together(idle: Iterable[Sequence[Document]]) -> list[Document]:
    """Let windows of one length run at the same time, then see the still ones."""
    steps = [step for steps in idle for step in steps]
    windows = [step for step in steps if step["do"] == "edges"]
    still = [step for step in steps if step["do"] != "edges"]
    shared: list[Document] = [
        {**window, "same_window": True}
        if index and window["within_ms"] == windows[index - 1]["within_ms"]
        else window
        for index, window in enumerate(windows)
    ]
    return [*shared, *still]


def _rounds(model: Model) -> list[Document]:
    """Every part's first round at the same time, then every part's second."""
    of_parts = [part.rounds() for part in model.parts]
    steps: list[Document] = []
    for turn in range(max(map(len, of_parts), default=0)):
        rounds = [rounds[turn] for rounds in of_parts if turn < len(rounds)]
        steps += [step for one in rounds for step in one.before]
        steps += _wait(rounds)
        steps += [step for one in rounds for step in one.after]
    return steps


def _wait(rounds: Sequence[Round]) -> Sequence[Document]:
    wait_ms = max(one.wait_ms for one in rounds)
    quiet = [pin for one in rounds for pin in one.quiet]
    if not quiet:
        return (run(wait_ms),)
    return [
        {
            "do": "edges",
            "pin": pin,
            "within_ms": wait_ms,
            "count_min": 0,
            "count_max": 0,
            "same_window": index > 0,
        }
        for index, pin in enumerate(quiet)
    ]


def _hello(model: Model) -> Document:
    return {
        "do": "call",
        "method": "hello",
        "args": [],
        "result": model.name,
        "send": "hello",
        "reply": hello_line(model.name),
    }


def _send(line: str, reply: str | None) -> Document:
    step: dict[str, Data] = {"do": "send", "line": line, "reply": reply}
    return step


def _lines(model: Model) -> list[Document]:
    """Lines that nobody should send; after them the device answers as before."""
    hello = hello_line(model.name)
    steps = [
        _send("", None),
        _send("\r", None),
        _send("hello\r", hello),
        _send("hello there", "err argument"),
        _send("HELLO", "err unknown"),
        _send("nonsense", "err unknown"),
        _send("nonsense 1", "err unknown"),
        _send(" hello", "err unknown"),
        _send("hello\x00", "err unknown"),
        _send("\x00\u00ff\u20ac", "err unknown"),
        # One byte around the limit on either side, and far beyond it.
        _send("x" * (LINE_LIMIT_BYTES - 1), "err unknown"),
        _send("x" * LINE_LIMIT_BYTES, "err unknown"),
        _send("x" * (LINE_LIMIT_BYTES + 1), "err too-long"),
        _send("hello" + " " * (LINE_LIMIT_BYTES - 4), "err too-long"),
        _send("y" * 300, "err too-long"),
        _send("hello", hello),
    ]
    for part in model.parts:
        for argument in ("", "x", "+1", "1 ", "0x1", "1.0", "1234567", "-", "1\x00"):
            steps.append(_send(f"{part.id} {argument}", "err argument"))
        steps.append(_send(f"{part.id}x", "err unknown"))
        steps.append(_send(part.id.upper(), "err unknown"))
    steps.append(_hello(model))
    return steps
