"""What both boards' serial wires have in common."""

from __future__ import annotations

from lockgate_devices.runtime.trace import Trace

__all__ = ["Sent", "garbled", "same_rate", "segments"]

_SENT_LIMIT_BYTES = 1 << 20
"""What a board may send in one run before the rest is dropped."""


def segments(data: bytes) -> list[bytes]:
    """Cut `data` after each newline; only byte 10 is a newline."""
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def same_rate(one: float, other: int) -> bool:
    """Whether two baud rates understand each other.

    A UART forgives about 5 % of difference before it samples a wrong bit.
    """
    return abs(one - other) * 20 <= other


def garbled(value: int) -> int:
    """What arrives of a byte that was sent at another baud rate."""
    return (value ^ 0x55) | 0x80


class Sent:
    """What a board has sent: all that reached the world and nobody took."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._data = bytearray()
        self._total = 0

    def too_much(self, count: int) -> bool:
        """Whether the board, which sends `count` bytes more, sends without end."""
        self._total += count
        if self._total <= _SENT_LIMIT_BYTES:
            return False
        self._trace.fault("uart.flood", "the board sends without end", 0)
        return True

    def arrived(self, data: bytes) -> None:
        """`data` reached the world."""
        self._data += data

    @property
    def has_line(self) -> bool:
        """Whether a whole line has."""
        return b"\n" in self._data

    def take_line(self) -> bytes | None:
        """The next whole line, or None."""
        end = self._data.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._data[: end + 1])
        del self._data[: end + 1]
        return line

    def take(self) -> bytes:
        """All of it."""
        data = bytes(self._data)
        self._data.clear()
        return data
