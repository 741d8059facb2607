"""The driver: a serial port that its owner granted."""

from __future__ import annotations

import itertools
import os
import select

from lockgate.plugin import Context, Device, DeviceHandle, Document, hookimpl

__all__ = [
    "close_device",
    "discover_devices",
    "open_device",
    "read_device",
    "write_device",
]

PORTS = ("/dev/ttyUSB0",)
SIZE_LIMIT_BYTES = 65536

_numbers = itertools.count(1)
_open: dict[int, int] = {}
"""The descriptor of each open port, by the number in its handle."""


@hookimpl
def discover_devices(context: Context) -> tuple[Device, ...]:
    """List the ports that can be opened now."""
    found: list[Device] = []
    for path in PORTS:
        try:
            os.close(context.open_device(path))
        except OSError as error:  # not granted, not there, or in use
            context.log("info", str(error), port=path)
        else:
            found.append(Device(path, "serial", f"the serial port {path}"))
    return tuple(found)


@hookimpl
def open_device(
    device: str, options: Document, context: Context
) -> DeviceHandle | None:
    """Open a port; None for what is none of ours."""
    if device not in PORTS:
        return None
    descriptor = context.open_device(device)
    number = next(_numbers)
    _open[number] = descriptor
    context.log("info", "opened", port=device, options=len(options))
    return DeviceHandle(device, number)


@hookimpl
def read_device(handle: DeviceHandle, size: int, timeout: float) -> bytes | None:
    """Read what came, waiting for the first byte."""
    descriptor = _open.get(handle.handle)
    if descriptor is None:
        return None
    ready, _, _ = select.select([descriptor], [], [], max(timeout, 0.0))
    if not ready:
        return b""
    return os.read(descriptor, min(max(size, 0), SIZE_LIMIT_BYTES))


@hookimpl
def write_device(handle: DeviceHandle, data: bytes) -> int | None:
    """Write; gives the number of bytes that the port took."""
    descriptor = _open.get(handle.handle)
    return None if descriptor is None else os.write(descriptor, data)


@hookimpl
def close_device(handle: DeviceHandle) -> bool | None:
    """Close a port."""
    descriptor = _open.pop(handle.handle, None)
    if descriptor is None:
        return None
    os.close(descriptor)
    return True
