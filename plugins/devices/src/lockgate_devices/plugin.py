"""The hooks: adapts the library to the host, and keeps what is open."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from lockgate.plugin import (
    Context,
    Device,
    DeviceHandle,
    Document,
    Reason,
    RefusedError,
    Simulation,
    Tree,
    hookimpl,
)
from lockgate_devices import boards
from lockgate_devices.host_facts import find_host
from lockgate_devices.serial_ports import (
    SerialRefusal,
    Session,
    find_ports,
    open_port,
)
from lockgate_devices.simavr import simulate_avr
from lockgate_devices.simulation import ContractError, simulate_virtual
from lockgate_devices.virtual_session import SessionEnded, VirtualSession

__all__ = [
    "close_device",
    "discover_devices",
    "open_device",
    "read_device",
    "simulate",
    "watch_device",
    "write_device",
]

_SESSION_LIMIT = 64
_SERIAL = "serial:"
_PIECE_BYTES = 4096
_PIECE_SECONDS = 0.1
"""How long a watched device may be silent before it is asked again: no longer, so
that a reader who has had enough does not wait."""

_sessions: dict[int, tuple[str, Session | VirtualSession]] = {}
_numbers = itertools.count(1)


@hookimpl
def discover_devices(context: Context) -> tuple[Device, ...]:
    """The machine, its serial ports and the boards that can be simulated."""
    host, host_notes = find_host()
    ports, port_notes = find_ports()
    notes = (*host_notes, *port_notes)
    if notes:
        host = replace(host, details={**host.details, "notes": list(notes)})
    return (host, *ports, *boards.find_boards(context.has_program))


def _refused(where: str, error: Exception, hint: str = "") -> RefusedError:
    return RefusedError([Reason("device-refused", where, str(error), hint)])


@hookimpl
def open_device(
    device: str, options: Document, context: Context
) -> DeviceHandle | None:
    """Open a serial port, or firmware on the virtual board.

    Raises:
        RefusedError: If it can't be opened, or too many are open.
    """
    if device != boards.VIRTUAL and not device.startswith(_SERIAL):
        return None
    if len(_sessions) >= _SESSION_LIMIT:
        error = RuntimeError(f"{_SESSION_LIMIT} devices are open")
        raise _refused(device, error, "Close one first.")
    session: Session | VirtualSession
    try:
        if device == boards.VIRTUAL:
            session = VirtualSession(options)
        else:
            session = open_port(
                device.removeprefix(_SERIAL), options, context.open_device
            )
    except ContractError as error:
        raise RefusedError(error.reasons) from error
    except SerialRefusal as error:
        raise _refused(device, error, error.hint) from error
    number = next(_numbers)
    _sessions[number] = (device, session)
    return DeviceHandle(device, number)


def _session(handle: DeviceHandle) -> Session | VirtualSession | None:
    device, session = _sessions.get(handle.handle, ("", None))
    return session if device == handle.device else None


@hookimpl
def read_device(
    handle: DeviceHandle, size: int, timeout: float, context: Context
) -> bytes | None:
    """Read from an open device; empty if nothing came in time."""
    session = _session(handle)
    if session is None:
        return None
    try:
        if isinstance(session, VirtualSession):
            return session.read(size, timeout, context)
        return session.read(size, timeout)
    except (SerialRefusal, SessionEnded) as error:
        raise _refused(handle.device, error, getattr(error, "hint", "")) from error


@hookimpl
def watch_device(device: str, options: Document, context: Context) -> Iterator[bytes]:
    """Open a device and give what it says until its reader has enough."""
    idle = options.get("idle_seconds")
    if idle is not None and not (isinstance(idle, int | float) and idle > 0):
        error = ValueError("idle_seconds is a number of seconds above 0")
        raise _refused("options.idle_seconds", error)
    own = {name: value for name, value in options.items() if name != "idle_seconds"}
    handle = open_device(device, own, context)
    if handle is None:
        return
    silent = 0.0
    try:
        while idle is None or silent < idle:
            piece = read_device(handle, _PIECE_BYTES, _PIECE_SECONDS, context)
            if piece:
                yield piece
            silent = 0.0 if piece else silent + _PIECE_SECONDS
    finally:
        close_device(handle)


@hookimpl
def write_device(handle: DeviceHandle, data: bytes) -> int | None:
    """Write to an open device."""
    session = _session(handle)
    if session is None:
        return None
    try:
        return session.write(data)
    except (SerialRefusal, SessionEnded) as error:
        raise _refused(handle.device, error, getattr(error, "hint", "")) from error


@hookimpl
def close_device(handle: DeviceHandle) -> bool | None:
    """Close an open device."""
    session = _session(handle)
    if session is None:
        return None
    del _sessions[handle.handle]
    if not isinstance(session, VirtualSession):
        session.close()
    return True


@hookimpl
def simulate(
    tree: Tree, contract: Document, board: str, context: Context
) -> Simulation | None:
    """Run the tree's firmware on `board`: ``virtual`` (the default) or ``simavr``.

    Raises:
        RefusedError: If the contract can't be executed.
    """
    try:
        if board in ("", "auto", boards.VIRTUAL):
            return simulate_virtual(tree, contract, context)
        if board == boards.SIMAVR:
            return simulate_avr(tree, contract, context)
    except ContractError as error:
        raise RefusedError(error.reasons) from error
    return None
