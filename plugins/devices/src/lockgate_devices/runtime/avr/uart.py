"""The AVR's UART on the world's wire, at the world's baud rate.

simavr moves bytes without looking at baud rates, so the rate that the firmware
set is read from its registers, and bytes of a wrong rate arrive as garbage. Its
receiver says when it is full (XOFF) and when not (XON); that is honoured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from lockgate_devices.runtime.avr.simavr import Simavr
from lockgate_devices.runtime.trace import Trace
from lockgate_devices.runtime.wires import Sent, garbled, same_rate, segments

__all__ = ["Uart"]

_INPUT, _OUTPUT, _XON, _XOFF = range(4)
_U2X_BIT = 1


class Uart:
    """Both directions between one UART and the world.

    `registers` are the addresses of UCSRA, UBRRL and UBRRH.
    """

    def __init__(
        self,
        avr: Simavr,
        baud: int,
        trace: Trace,
        now_us: Callable[[], int],
        *,
        number: int,
        registers: tuple[int, int, int],
        halt: Callable[[], None],
    ) -> None:
        self.line_wanted = False
        self._avr = avr
        self._baud = baud
        self._trace = trace
        self._now_us = now_us
        self._halt = halt
        self._set = dict.fromkeys(registers, 0)
        self._registers = registers
        self._waiting: deque[int] = deque()
        self._open = True
        self._pumping = False
        self._line = bytearray()
        self._sent = Sent(trace)
        self._byte_cycles = 10 * avr.frequency // baud
        self._free_at = 0
        module = f"uar{number}"
        avr.silence_uart(str(number))
        self._input = avr.irq(module, _INPUT)
        avr.on(avr.irq(module, _OUTPUT), self._leave)
        avr.on(avr.irq(module, _XON), lambda _value: self._may(True))
        avr.on(avr.irq(module, _XOFF), lambda value: self._may(not value))
        for register in registers:
            avr.on(avr.register_irq(register), partial(self._written, register))

    def _written(self, register: int, value: int) -> None:
        self._set[register] = value

    def _may(self, may: bool) -> None:
        self._open = may

    def _clean(self) -> bool:
        """Whether the firmware's baud rate is the world's."""
        status, low, high = (self._set[register] for register in self._registers)
        divisor = 8 if status >> _U2X_BIT & 1 else 16
        own = self._avr.frequency / (divisor * ((high << 8 | low) + 1))
        return same_rate(own, self._baud)

    # -- world to board -----------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Put `data` on the wire, from now on."""
        for line in segments(data):
            self._trace.line(self._now_us(), "rx", line)
        self._waiting.extend(data)
        if not self._pumping:
            self._pumping = True
            wait = max(self._free_at - self._avr.cycle, 0)
            self._avr.after(wait, self._pump)

    def _pump(self) -> None:
        # A byte is handed over when its first bit begins: simavr itself keeps
        # it back for as long as a byte takes.
        if not self._waiting:
            self._pumping = False
            return
        self._free_at = self._avr.cycle + self._byte_cycles
        if self._open:
            value = self._waiting.popleft()
            clean = self._clean()
            self._avr.raise_irq(self._input, value if clean else garbled(value))
        self._avr.after(self._byte_cycles, self._pump)

    # -- board to world -----------------------------------------------------------

    def _leave(self, value: int) -> None:
        if self._sent.too_much(1):
            return
        byte = value & 0xFF
        self._line.append(byte if self._clean() else garbled(byte))
        if self._line.endswith(b"\n"):
            line = bytes(self._line)
            self._line.clear()
            # The signal comes when the byte is handed to the hardware; it is on
            # the other side when its last bit left.
            self._avr.after(self._byte_cycles, lambda: self._arrived(line))

    def _arrived(self, line: bytes) -> None:
        self._trace.line(self._now_us(), "tx", line)
        self._sent.arrived(line)
        if self.line_wanted:
            self._halt()

    def take_line(self) -> bytes | None:
        """The next whole line that reached the world, or None."""
        return self._sent.take_line()

    def take(self) -> bytes:
        """All that reached the world and nobody took."""
        data = self._sent.take() + bytes(self._line)
        self._line.clear()
        return data
