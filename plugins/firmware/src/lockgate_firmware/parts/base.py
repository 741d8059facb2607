"""What every peripheral that the firmware drives has in common.

One module of this package holds all of one kind: the entry in the contract, the
commands, the steps that prove it, its MicroPython class and its C++ struct. So
what two targets do stands side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from lockgate_firmware._data import Data, Document

__all__ = [
    "DEBOUNCE_MS",
    "SETTLE_MS",
    "Command",
    "Part",
    "Round",
    "Row",
    "arduino_mode",
    "argument_error",
    "drive",
    "level",
    "micropython_pull",
    "mode",
    "pwm",
    "run",
]

DEBOUNCE_MS = 20
"""A button's level counts once it has been steady for this long."""

SETTLE_MS = 60
"""What a scenario waits for a debounced input: three times the debounce."""


@dataclass(frozen=True, slots=True)
class Command:
    """One method of the SDK, which is one request line of the protocol.

    A command whose `argument` is empty sends the bare id. `example` is the
    argument that the contract shows, `reply` the value that answers it just
    after reset.
    """

    method: str
    doc: str
    returns: Literal["bool", "int"]
    argument: Literal["", "bool", "int"] = ""
    low: int = 0
    high: int = 0
    example: int = 0
    reply: int = 0

    def line(self, part_id: str, value: int | None = None) -> str:
        """The request line for `value` (the example if None)."""
        if not self.argument:
            return part_id
        return f"{part_id} {self.example if value is None else value}"

    def entry(self, part_id: str) -> Document:
        """The command as the contract shows it."""
        arguments: list[Data] = []
        entry: dict[str, Data] = {"method": self.method}
        if self.argument == "bool":
            arguments.append(bool(self.example))
        elif self.argument:
            arguments.append(self.example)
        entry["args"] = arguments
        entry["send"] = self.line(part_id)
        entry["reply"] = f"{part_id} {self.reply}"
        entry["returns"] = self.returns
        if self.argument:
            entry["range"] = [self.low, self.high]
        return entry


@dataclass(frozen=True, slots=True)
class Round:
    """A check with a long wait in it; parts wait for theirs at the same time.

    Meanwhile there may be no edge on the pins in `quiet`.
    """

    before: Sequence[Document]
    wait_ms: int
    after: Sequence[Document]
    quiet: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A kind's row in ``docs/reference/peripherals.md``."""

    types: str
    pins: str
    at_reset: str
    does: str
    commands: str
    timing: str
    refused: str


@dataclass(frozen=True, slots=True)
class Part:
    """A peripheral that the firmware drives.

    `id` names it in the protocol, `pin` is the board's name for its pin,
    `written` the spec's; `title` and `description` are the spec's own words:
    hostile text, to be escaped by whoever writes them down.
    """

    kind: ClassVar[str]
    row: ClassVar[Row]
    micropython_class: ClassVar[str]
    cpp_struct: ClassVar[str]

    id: str
    type: str
    pin: str
    written: str
    title: str
    description: str

    @classmethod
    def class_name(cls) -> str:
        """What its class is called in MicroPython and in C++."""
        return cls.__name__

    @property
    def mode(self) -> str:
        """What the firmware makes of the pin after reset."""
        raise NotImplementedError

    @property
    def pins(self) -> Mapping[str, str]:
        """Every pin that it takes, with the mode of each."""
        return {self.pin: self.mode}

    @property
    def machine_names(self) -> frozenset[str]:
        """What its MicroPython class imports from ``machine``."""
        return frozenset({"Pin"})

    def commands(self) -> tuple[Command, ...]:
        """Its commands, in the order of the SDK's methods."""
        raise NotImplementedError

    def extras(self) -> Document:
        """Its own fields in the contract."""
        raise NotImplementedError

    def start_steps(self) -> Sequence[Document]:
        """What must hold just after reset, without letting time pass."""
        raise NotImplementedError

    def idle_steps(self) -> Sequence[Document]:
        """What it does before the first command; each step may let time pass."""
        return ()

    def rounds(self) -> Sequence[Round]:
        """What is used first, and takes long to show."""
        return ()

    def use_steps(self) -> Sequence[Document]:
        """Every command used, and what must come of it."""
        raise NotImplementedError

    def micropython_arguments(self) -> str:
        """The arguments of its MicroPython constructor."""
        raise NotImplementedError

    def cpp_initialiser(self) -> str:
        """What stands in the braces of its C++ struct."""
        raise NotImplementedError

    def entry(self) -> Document:
        """The peripheral as the contract shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "type": self.type,
            "pin": self.pin,
            "written_pin": self.written,
            "title": self.title,
            "mode": self.mode,
            **self.extras(),
            "commands": [command.entry(self.id) for command in self.commands()],
        }

    def call(self, command: Command, value: int | None, result: int) -> Document:
        """A ``call`` step: `command` with `value` answers `result`."""
        return {
            "do": "call",
            "method": command.method,
            "args": [] if value is None else [_as_type(command.argument, value)],
            "result": _as_type(command.returns, result),
            "send": command.line(self.id, value),
            "reply": f"{self.id} {result}",
        }


def _as_type(kind: str, value: int) -> bool | int:
    """`value` as the SDK shows it."""
    return bool(value) if kind == "bool" else value


def micropython_pull(pull: str) -> str:
    """The pull of an input whose level `pull` holds, as MicroPython's Pin takes it."""
    return "Pin.PULL_UP" if pull == "internal" else "None"


def arduino_mode(pull: str) -> str:
    """The mode of an input whose level `pull` holds, as Arduino's pinMode takes it."""
    return "INPUT_PULLUP" if pull == "internal" else "INPUT"


def argument_error(line: str) -> Document:
    """A ``send`` step: `line` has an argument that must be refused."""
    return {"do": "send", "line": line, "reply": "err argument"}


def level(pin: str, value: int) -> Document:
    """A ``level`` step."""
    return {"do": "level", "pin": pin, "level": value}


def mode(pin: str, value: str) -> Document:
    """A ``mode`` step."""
    return {"do": "mode", "pin": pin, "mode": value}


def run(ms: int) -> Document:
    """A ``run`` step."""
    return {"do": "run", "ms": ms}


def drive(pin: str, value: int | None) -> Document:
    """A ``drive`` step."""
    return {"do": "drive", "pin": pin, "level": value}


def pwm(pin: str, hz: int, duty: float) -> Document:
    """A ``pwm`` step: a square wave of `hz`, high for `duty` percent of the time."""
    return {"do": "pwm", "pin": pin, "freq_hz": hz, "duty_percent": duty}
