"""The serial wire of the board: bytes take their time, buffers are finite.

A byte has ten bit times (8N1). Bytes of a side that uses another baud rate
arrive as garbage, bytes into a full buffer or a closed port are lost.
"""

from __future__ import annotations

from functools import partial

from lockgate_devices.runtime.trace import Trace
from lockgate_devices.runtime.virtual.core import Core
from lockgate_devices.runtime.wires import Sent, garbled, same_rate, segments

__all__ = ["Wire"]

_BITS_PER_BYTE = 10


class Wire:
    """Both directions between the board's UART 0 and the world."""

    def __init__(self, baud: int, core: Core, trace: Trace) -> None:
        self.baud = baud
        self.port_baud = baud
        self.room = 256
        self.received = bytearray()
        self.lost = 0
        self.line_wanted = False
        self.byte_wanted = False
        self._core = core
        self._trace = trace
        self._sent = Sent(trace)
        self._rx_free_us = 0
        self._tx_free_us = 0

    def open(self, baud: int, room: int) -> None:
        """The firmware opens the port: what was in its buffer is gone."""
        self.port_baud = baud
        self.room = room
        self.received.clear()

    def byte_us(self, baud: int) -> int:
        """How long one byte takes, in whole microseconds."""
        return max(1, _BITS_PER_BYTE * 1_000_000 // baud)

    # -- world to board -----------------------------------------------------

    def send(self, data: bytes) -> None:
        """Put `data` on the wire; each byte arrives at its own time."""
        step = self.byte_us(self.baud)
        when = max(self._core.now_us, self._rx_free_us)
        for value in data:
            when += step
            self._core.at(when, partial(self._arrive, value))
        for line in segments(data):
            self._trace.line(self._core.now_us, "rx", line)
        self._rx_free_us = when

    def _arrive(self, value: int) -> None:
        if len(self.received) >= self.room:
            self.lost += 1
            if self.lost == 1:
                self._trace.add(self._core.now_us, "mark", text="uart overrun")
            return
        self.received.append(value if self._clean() else garbled(value))

    def _clean(self) -> bool:
        return same_rate(self.port_baud, self.baud)

    # -- board to world -----------------------------------------------------

    def backlog(self) -> int:
        """Bytes that the board wrote and that did not leave yet."""
        wait = self._tx_free_us - self._core.now_us
        step = self.byte_us(self.port_baud)
        return max(0, -(-wait // step))

    def write(self, data: bytes) -> None:
        """The board sends; whole lines reach the world when their last bit did."""
        step = self.byte_us(self.port_baud)
        when = max(self._core.now_us, self._tx_free_us)
        for line in segments(data):
            when += step * len(line)
            self._core.at(when, partial(self._leave, line))
        self._tx_free_us = when

    def _leave(self, data: bytes) -> None:
        if self._sent.too_much(len(data)):
            return
        if not self._clean():
            data = bytes(map(garbled, data))
        self._trace.line(self._core.now_us, "tx", data)
        self._sent.arrived(data)
        if self.byte_wanted or (self.line_wanted and self._sent.has_line):
            self._core.halt()

    def take_line(self) -> bytes | None:
        """The next whole line that reached the world, or None."""
        return self._sent.take_line()

    def take(self) -> bytes:
        """All that reached the world and nobody took."""
        return self._sent.take()
