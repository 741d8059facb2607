"""`machine.UART`; port 0 is the wire, the others lead nowhere."""

from __future__ import annotations

from typing import Any

from lockgate_devices.runtime.virtual.pin import line_of
from lockgate_devices.runtime.virtual.rig import Costs, RigObject

__all__ = ["UartObject"]

_POLL_US = 100


class UartObject(RigObject):
    """A serial port with finite buffers."""

    INV_TX, INV_RX = 1, 2
    RTS, CTS = 1, 2
    IRQ_RX, IRQ_RXIDLE, IRQ_TXIDLE = 1, 2, 4

    def __init__(self, id: int, baudrate: int = 115_200, *args: Any, **options: Any):  # noqa: A002
        if id not in (0, 1, 2):
            msg = f"UART({id}) doesn't exist"
            raise ValueError(msg)
        self._id = id
        self._open = False
        self.init(baudrate, *args, **options)

    def init(
        self,
        baudrate: int = 115_200,
        bits: int = 8,
        parity: int | None = None,
        stop: int = 1,
        *,
        tx: object = None,
        rx: object = None,
        txbuf: int = 256,
        rxbuf: int = 256,
        timeout: int = 0,
        timeout_char: int = 0,
        **options: object,
    ) -> None:
        """Open the port; what waited in its buffer is gone."""
        del timeout_char, options
        self.rig.core.tick(Costs.UART)
        if not 50 <= baudrate <= 5_000_000 or bits not in (5, 6, 7, 8, 9):
            msg = f"UART({self._id}) cannot do {baudrate} baud with {bits} bits"
            raise ValueError(msg)
        if rxbuf < 32 or txbuf < 0:
            msg = "UART buffer too small"
            raise ValueError(msg)
        for pin in (tx, rx):
            if pin is not None and pin != -1:
                line_of(self, pin, "").owner = f"used by UART {self._id}"
        self._timeout_us = timeout * 1_000
        self._txbuf = max(txbuf, 128)  # the hardware's own queue
        self._open = True
        if self._id == 0:
            # Another frame than 8N1 is as unreadable as another baud rate.
            plain = (bits, parity, stop) == (8, None, 1)
            self.rig.wire.open(baudrate if plain else 1, rxbuf)

    def deinit(self) -> None:
        """Close the port."""
        self._open = False
        if self._id == 0:
            self.rig.wire.open(self.rig.wire.port_baud, 0)

    def _buffer(self) -> bytearray:
        self.rig.core.tick(Costs.UART)
        if not self._open:
            msg = 19
            raise OSError(msg, "ENODEV")
        return self.rig.wire.received if self._id == 0 else bytearray()

    def any(self) -> int:
        """How many bytes can be read without waiting."""
        return len(self._buffer())

    def _wait(self, size: int) -> bytearray:
        """Wait for `size` bytes, or until the timeout since the last one."""
        buffer = self._buffer()
        quiet_since, count = self.rig.core.now_us, len(buffer)
        while len(buffer) < size:
            if len(buffer) != count:
                quiet_since, count = self.rig.core.now_us, len(buffer)
            if self.rig.core.now_us - quiet_since >= self._timeout_us:
                break
            self.rig.core.tick(_POLL_US)
        return buffer

    def read(self, nbytes: int = -1) -> bytes | None:
        """Read up to `nbytes`, or all there is; None if the time ran out."""
        buffer = self._wait(1 if nbytes < 0 else nbytes)
        size = len(buffer) if nbytes < 0 else nbytes
        data = bytes(buffer[:size])
        del buffer[:size]
        return data or None

    def readline(self) -> bytes | None:
        """Read to a newline, or what came until the time ran out."""
        data = bytearray()
        while not data.endswith(b"\n"):
            byte = self.read(1)
            if byte is None:
                break
            data += byte
        return bytes(data) or None

    def readinto(self, buf: bytearray, nbytes: int = -1) -> int | None:
        """Read into `buf`; the count, or None if the time ran out."""
        data = self.read(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf: bytes | bytearray | memoryview | str) -> int:
        """Send; waits while the buffer is full."""
        self._buffer()
        data = buf.encode() if isinstance(buf, str) else bytes(buf)
        if self._id == 0:
            wire = self.rig.wire
            for start in range(0, len(data), self._txbuf):
                chunk = data[start : start + self._txbuf]
                over = wire.backlog() + len(chunk) - self._txbuf
                if over > 0:
                    self.rig.core.tick(over * wire.byte_us(wire.port_baud))
                wire.write(chunk)
        return len(data)

    def txdone(self) -> bool:
        """Whether all bytes left."""
        self._buffer()
        return self._id != 0 or self.rig.wire.backlog() == 0

    def flush(self) -> None:
        """Wait until all bytes left."""
        self._buffer()
        if self._id == 0:
            wire = self.rig.wire
            self.rig.core.tick(wire.backlog() * wire.byte_us(wire.port_baud))

    def sendbreak(self) -> None:
        """Hold the line low for a while; the world does not see it."""
        self._buffer()
