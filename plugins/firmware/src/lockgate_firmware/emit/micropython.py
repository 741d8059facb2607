"""MicroPython firmware: one file, one main loop that never waits."""

from __future__ import annotations

from lockgate_firmware._text import (
    python_bytes,
    python_comment,
    python_docstring,
    python_pin,
)
from lockgate_firmware.contract import hello_line
from lockgate_firmware.model import LINE_LIMIT_BYTES, Model
from lockgate_firmware.parts import Part
from lockgate_firmware.parts.base import DEBOUNCE_MS

__all__ = ["micropython"]

_TWIN = """\
This board does not run MicroPython. The file is a simulation twin: it does what the
board's own firmware does, so that the wiring and the line protocol can be tried on a
virtual board."""

_LINK = '''\
def number(text):
    """Return the whole number that `text` is, or None."""
    negative = text[:1] == b"-"
    digits = text[1:] if negative else text
    if not 1 <= len(digits) <= 6:
        return None
    value = 0
    for digit in digits:
        if not 48 <= digit <= 57:
            return None
        value = value * 10 + digit - 48
    return -value if negative else value


def answer(parts, line):
    """Return the one line that answers `line`."""
    space = line.find(b" ")
    name = line if space < 0 else line[:space]
    if name == b"hello":
        return HELLO if space < 0 else b"err argument"
    part = parts.get(name)
    if part is None:
        return b"err unknown"
    argument = None
    if space >= 0:
        argument = number(line[space + 1 :])
        if argument is None:
            return b"err argument"
    value = part.answer(argument)
    if value is None:
        return b"err argument"
    return name + b" " + str(value).encode()


class Link:
    """The serial link: collects lines, drops the end of one that is too long."""

    def __init__(self, uart, parts):
        self.uart = uart
        self.parts = parts
        self.line = bytearray(LINE_LIMIT)
        self.length = 0
        self.overflow = False

    def tick(self):
        waiting = self.uart.any()
        if waiting:
            for byte in self.uart.read(waiting) or b"":
                self.take(byte)

    def take(self, byte):
        if byte == 10:
            if self.overflow:
                self.uart.write(b"err too-long\\n")
            elif self.length:
                line = bytes(self.line[: self.length])
                self.uart.write(answer(self.parts, line) + b"\\n")
            self.length = 0
            self.overflow = False
        elif byte == 13:
            pass
        elif self.length < LINE_LIMIT:
            self.line[self.length] = byte
            self.length += 1
        else:
            self.overflow = True


def main():
    """Do every part's work and answer the host, a millisecond a turn."""
    parts = make_parts()
    link = Link(UART(0, BAUD), parts)
    while True:
        now = time.ticks_ms()
        for part in parts.values():
            part.tick(now)
        link.tick()
        time.sleep_ms(1)


if __name__ == "__main__":
    main()
'''


def micropython(model: Model) -> str:
    """The firmware of `model` for MicroPython."""
    classes = {part.kind: part.micropython_class for part in model.parts}
    sections = [
        f"{_header(model)}\n\n{_imports(model)}\n\n{_constants(model)}",
        *classes.values(),
        _make_parts(model.parts),
        _LINK,
    ]
    return "\n\n".join(
        section if section.endswith("\n") else f"{section}\n" for section in sections
    )


def _header(model: Model) -> str:
    twin = "" if model.board.runs_micropython else f"\n\n{_TWIN}"
    title = python_docstring(model.title)
    return (
        f'"""Firmware of \'{title}\' for the {model.board.name}, in MicroPython.\n\n'
        "Generated from its hardware spec: change the spec, not this file."
        f'{twin}\n"""'
    )


def _imports(model: Model) -> str:
    names = {"UART"}.union(*(part.machine_names for part in model.parts))
    ordered = ", ".join(sorted(names, key=lambda name: (not name.isupper(), name)))
    return f"import time\n\nfrom machine import {ordered}"


def _constants(model: Model) -> str:
    lines = [
        f"HELLO = {python_bytes(hello_line(model.name))}",
        f"BAUD = {model.baud}",
        f"LINE_LIMIT = {LINE_LIMIT_BYTES}  # bytes, without the newline",
    ]
    if any(part.kind == "button" for part in model.parts):
        lines.append(f"DEBOUNCE_MS = {DEBOUNCE_MS}")
    return "\n".join(lines) + "\n"


def _make_parts(parts: tuple[Part, ...]) -> str:
    lines = ["def make_parts():", '    """Set every pin up; name -> part."""']
    lines.append("    return {")
    for part in parts:
        comment = part.description or part.title
        if comment:
            lines.append(f"        # {python_comment(comment)}")
        arguments = part.micropython_arguments()
        arguments = f"{python_pin(part.pin)}{', ' if arguments else ''}{arguments}"
        call = f"{part.class_name()}({arguments})"
        lines.append(f"        {python_bytes(part.id)}: {call},")
    lines.append("    }\n")
    return "\n".join(lines)
