"""The Python SDK: a typed client of the line protocol, one file, no dependency."""

from __future__ import annotations

from lockgate_firmware._text import python_docstring, python_string
from lockgate_firmware.contract import PROTOCOL_VERSION
from lockgate_firmware.model import Model
from lockgate_firmware.parts import Command, Part

__all__ = ["sdk"]

_TOP = '''\
class Transport(Protocol):
    """What carries the lines to the device and back."""

    def write(self, data: bytes, /) -> int | None:
        """Send `data`."""
        ...

    def read_line(self, timeout: float, /) -> bytes:
        """Return the next line; empty if none came within `timeout` seconds."""
        ...


class DeviceError(Exception):
    """The device did not do what was asked."""


class NoAnswerError(DeviceError):
    """The device did not answer in time."""


class CommandError(DeviceError):
    """The device refused a line; `reason` is its word for why."""

    def __init__(self, line: str, reason: str) -> None:
        super().__init__(f"{line!r} was refused: {reason}")
        self.line = line
        self.reason = reason


class WrongDeviceError(DeviceError):
    """Another device answered, or none that speaks this protocol."""


class Device:
    """The device behind `transport`, which has `timeout` seconds for each answer.

    Nothing is sent until the first call; begin with `hello`.
    """

    def __init__(self, transport: Transport, timeout: float = 1.0) -> None:
        self._transport = transport
        self._timeout = timeout

    def hello(self) -> str:
        """Return the device's name, once it answers.

        A board that restarts when its port is opened loses the first lines: the
        question is repeated.

        Raises:
            NoAnswerError: If it never answers.
            WrongDeviceError: If something else than this device answers.
        """
        for attempt in range(HELLO_ATTEMPTS):
            # An empty line ends whatever half line the device may have got.
            self._transport.write(b"\\nhello\\n" if attempt else b"hello\\n")
            answer = self._read_hello()
            if answer:
                if attempt:
                    self._drain()
                if answer != HELLO:
                    raise WrongDeviceError(f"{answer!r} is not {HELLO!r}")
                return DEVICE
        raise NoAnswerError("the device does not answer to 'hello'")

    def _read_hello(self) -> str:
        """The next line that looks like a greeting; others are left-overs."""
        for _ in range(4):
            line = self._transport.read_line(self._timeout / 2)
            text = line.decode("utf-8", "replace").strip("\\r\\n")
            if text.startswith("lockgate ") or not line:
                return text
        return ""

    def _drain(self) -> None:
        """Leave out answers to greetings that were repeated."""
        for _ in range(HELLO_ATTEMPTS):
            if not self._transport.read_line(0.05):
                return

    def _ask(self, name: str, argument: int | None = None) -> int:
        line = name if argument is None else f"{name} {argument}"
        self._transport.write(line.encode() + b"\\n")
        answer = self._transport.read_line(self._timeout)
        if not answer:
            raise NoAnswerError(f"no answer to {line!r}")
        word, _, rest = answer.decode("utf-8", "replace").strip("\\r\\n").partition(" ")
        if word == "err":
            raise CommandError(line, rest)
        if word != name:
            raise DeviceError(f"{answer!r} is no answer to {line!r}")
        try:
            return int(rest)
        except ValueError:
            raise DeviceError(f"{answer!r} holds no number") from None
'''

_SERIAL = '''\
class SerialTransport:
    """Lines over a serial port; needs the package pyserial."""

    def __init__(self, port: str) -> None:
        import serial

        self._port = serial.Serial(port, BAUD)

    def write(self, data: bytes, /) -> int | None:
        """Send `data`."""
        return self._port.write(data)

    def read_line(self, timeout: float, /) -> bytes:
        """Return the next line; empty if none came within `timeout` seconds."""
        self._port.timeout = timeout
        return bytes(self._port.readline())

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def open_serial(port: str) -> Device:
    """Open the device at `port` (such as ``/dev/ttyUSB0`` or ``COM3``)."""
    device = Device(SerialTransport(port))
    device.hello()
    return device
'''


def sdk(model: Model) -> str:
    """The SDK of `model`."""
    methods = "\n".join(
        _method(part, command) for part in model.parts for command in part.commands()
    )
    return "\n\n".join((f"{_head(model)}", f"{_TOP}\n{methods}", _SERIAL))


def _head(model: Model) -> str:
    title = python_docstring(model.title)
    update = f"UPDATE_INTERVAL_MS = {model.update_ms}\n" if model.update_ms else ""
    return (
        f'"""Client of \'{title}\'.\n\n'
        '    device = open_serial("/dev/ttyUSB0")\n\n'
        "Generated from its hardware spec: change the spec, not this file.\n"
        '"""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Protocol\n\n"
        f"DEVICE = {python_string(model.name)}\n"
        f"TITLE = {python_string(model.title)}\n"
        f'HELLO = f"lockgate {PROTOCOL_VERSION} {{DEVICE}}"\n'
        "HELLO_ATTEMPTS = 10\n"
        f"BAUD = {model.baud}\n"
        f"{update}"
    )


def _method(part: Part, command: Command) -> str:
    about = part.description or part.title
    more = f"\n\n        {python_docstring(about)}\n        " if about else ""
    parameter = f", value: {command.argument}" if command.argument else ""
    argument = {"": "", "bool": ", 1 if value else 0", "int": ", value"}[
        command.argument
    ]
    ask = f'self._ask("{part.id}"{argument})'
    result = f"{ask} == 1" if command.returns == "bool" else ask
    name, default = command.method, " = 0" if command.low == command.high else ""
    if not command.argument:
        default = ""
    return (
        f"    def {name}(self{parameter}{default}) -> {command.returns}:\n"
        f'        """{command.doc}{more}"""\n'
        f"        return {result}\n"
    )
