"""A thin binding of ``libsimavr.so.2``: only what the board needs.

Everything goes through functions and ioctls, but for the clock: frequency and
cycle counter have neither. Their place in ``avr_t`` is found by what `avr_init`
leaves there, and proved with the library's own timer (`Simavr.check_clock`).
Written against simavr 1.6; what it uses is the same in 1.5 and 1.7.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["MILLIVOLTS", "Simavr", "SimavrError"]

_RUNNING_STATES = (2, 3)
"""cpu_Running and cpu_Sleeping (sim_avr.h)."""

MILLIVOLTS = 5_000
"""VCC, AVCC and AREF."""

_INITIAL_HZ = 1_000_000
_UNKNOWN_LAYOUT = "the clock is not where this binding expects it in avr_t"

_SIGNALS = 12
"""What an IO port has: eight pins, and those of the whole port."""

_FILTERED = 2
"""IRQ_FLAG_FILTERED of sim_irq.h."""

_FREE_RUN_CYCLES = 20_000
_LAPS = 100_000
"""Calls of avr_run in one `run`: some ten milliseconds, then CPU time is looked at."""

_NOTIFY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
_TIMER = ctypes.CFUNCTYPE(
    ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p
)
_LOGGER = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p
)


class SimavrError(RuntimeError):
    """The library is not what this binding was written for."""


class _External(ctypes.Structure):
    """avr_ioport_external_t of avr_ioport.h."""

    _fields_ = (
        ("name", ctypes.c_ulong, 7),
        ("mask", ctypes.c_ulong, 8),
        ("value", ctypes.c_ulong, 8),
    )


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, sys.byteorder) for value in values)


def _code(text: str) -> int:
    """AVR_IOCTL_DEF of sim_io.h: four characters in one number."""
    return int.from_bytes(text.encode("ascii"), "big")


class Simavr:
    """One AVR with a program in its flash, at reset."""

    def __init__(self, library: str, mcu: str, frequency: int, flash: bytes) -> None:
        self._lib = _declare(ctypes.CDLL(library))
        self._libc = ctypes.CDLL(None)
        self._libc.lfind.restype = ctypes.c_void_p
        self._libc.lfind.argtypes = [
            *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
            *(ctypes.c_size_t, ctypes.c_void_p),
        ]
        self._laps = ctypes.c_size_t(0)
        self._kept: list[Any] = []
        """Callbacks and buffers that the library holds pointers to."""
        self._quiet = self._keep(_LOGGER(lambda *_: None))
        self._lib.avr_global_logger_set(self._quiet)
        self.frequency = frequency
        self._avr = self._lib.avr_make_mcu_by_name(mcu.encode("ascii"))
        if not self._avr:
            message = f"simavr knows no {mcu}"
            raise SimavrError(message)
        self._lib.avr_init(self._avr)
        self._load(flash)
        cycle_at = self._set_clock()
        self._cycle = ctypes.c_uint64.from_address(cycle_at)
        # Without this the library comes back after every instruction.
        ctypes.c_uint64.from_address(cycle_at + 16).value = _FREE_RUN_CYCLES

    def _keep(self, value: Any) -> Any:
        self._kept.append(value)
        return value

    def _load(self, flash: bytes) -> None:
        image = ctypes.create_string_buffer(flash, len(flash))
        self._lib.avr_loadcode(self._avr, image, len(flash), 0)

    def _set_clock(self) -> int:
        """Set frequency and voltages; the address of the cycle counter after them."""
        # avr_init leaves 1 MHz, and three voltages of 0 after it.
        mark = _numbers(_INITIAL_HZ, 0, 0, 0)
        head = ctypes.string_at(self._avr, 512)
        found = head.find(mark)
        if found < 0 or head.find(mark, found + 1) >= 0:
            raise SimavrError(_UNKNOWN_LAYOUT)
        values = _numbers(self.frequency, MILLIVOLTS, MILLIVOLTS, MILLIVOLTS)
        ctypes.memmove(self._avr + found, values, len(values))
        return int(self._avr) + ((found + len(mark) + 7) & ~7)

    def check_clock(self) -> None:
        """Prove that the counter was found: a timer set for N comes at N.

        Raises:
            SimavrError: If it does not.
        """
        came: list[int] = []

        def note() -> None:
            came.append(self.cycle)
            self.halt()

        self.after(1_000, note)
        self.run()
        if not came or not 1_000 <= came[0] < 1_100:
            raise SimavrError(_UNKNOWN_LAYOUT)

    @property
    def cycle(self) -> int:
        """Cycles since reset."""
        return self._cycle.value

    def run(self) -> bool:
        """Run for a while, or to `halt`; False once the processor has stopped.

        The library's own loop comes back after every few instructions, and a
        call from Python costs more than those. So the C library's `lfind` does
        the looping: it calls `avr_run(avr, …)` until that gives 0, which it does
        not, or until the count, which it reads each time, is reached.
        """
        self._laps.value = _LAPS
        self._libc.lfind(
            self._avr, self._avr, ctypes.byref(self._laps), 0, self._lib.avr_run
        )
        return self._lib.avr_run(self._avr) in _RUNNING_STATES

    def halt(self) -> None:
        """Make `run` return; to be called from a callback."""
        self._laps.value = 0

    def after(self, cycles: int, action: Callable[[], None]) -> None:
        """Call `action` once, when so many cycles have passed."""

        def expire(_avr: int, _when: int, _param: int) -> int:
            self._kept.remove(callback)
            action()
            return 0

        callback = self._keep(_TIMER(expire))
        self._lib.avr_cycle_timer_register(self._avr, max(cycles, 1), callback, None)

    def irq(self, module: str, index: int) -> int:
        """The signal `index` of an IO module (``iogB``, ``uar0``); 0 if absent."""
        return self._lib.avr_io_getirq(self._avr, _code(module), index) or 0

    def irq_named(self, module: str, ending: str) -> int:
        """The signal of an IO module whose name ends so; 0 if there is none."""
        for index in range(_SIGNALS):
            irq = self.irq(module, index)
            # avr_irq_t begins with a pointer to its pool and one to its name.
            name = ctypes.c_char_p.from_address(irq + 8).value if irq else None
            if name is not None and name.endswith(ending.encode("ascii")):
                return irq
        return 0

    def register_irq(self, address: int) -> int:
        """The signal that carries each new value of an IO register."""
        irq = self._lib.avr_iomem_getirq(self._avr, address, None, 8) or 0
        # Arduino's digitalRead writes a timer's register each time: what does
        # not change a value is filtered out in the library.
        flags = self._lib.avr_irq_get_flags(irq)
        self._lib.avr_irq_set_flags(irq, flags | _FILTERED)
        return irq

    def on(self, irq: int, action: Callable[[int], None]) -> None:
        """Call `action` with each value that a signal takes."""

        def notify(_irq: int, value: int, _param: int) -> None:
            action(value)

        callback = self._keep(_NOTIFY(notify))
        self._lib.avr_irq_register_notify(irq, callback, None)

    def raise_irq(self, irq: int, value: int) -> None:
        """Give a signal a value, from outside."""
        self._lib.avr_raise_irq(irq, value)

    def hold(self, letter: str, mask: int, value: int) -> None:
        """Say which input pins of a port are held from outside, and at what."""
        state = _External(name=ord(letter), mask=mask, value=value & mask)
        self._lib.avr_ioctl(self._avr, _code(f"iop{letter}"), ctypes.byref(state))

    def silence_uart(self, name: str) -> None:
        """No printing of what is sent, no sleeping while firmware polls."""
        flags = ctypes.c_uint32(0)
        self._lib.avr_ioctl(self._avr, _code(f"uas{name}"), ctypes.byref(flags))


def _declare(lib: Any) -> Any:
    pointer, number = ctypes.c_void_p, ctypes.c_uint32
    lib.avr_make_mcu_by_name.restype = pointer
    lib.avr_make_mcu_by_name.argtypes = [ctypes.c_char_p]
    lib.avr_init.argtypes = [pointer]
    lib.avr_run.argtypes = [pointer]
    lib.avr_run.restype = ctypes.c_int
    lib.avr_loadcode.argtypes = [pointer, pointer, number, number]
    lib.avr_loadcode.restype = None
    lib.avr_io_getirq.restype = pointer
    lib.avr_io_getirq.argtypes = [pointer, number, ctypes.c_int]
    lib.avr_iomem_getirq.restype = pointer
    lib.avr_iomem_getirq.argtypes = [
        pointer,
        ctypes.c_uint16,
        ctypes.c_char_p,
        ctypes.c_int,
    ]
    lib.avr_irq_register_notify.argtypes = [pointer, _NOTIFY, pointer]
    lib.avr_irq_register_notify.restype = None
    lib.avr_irq_get_flags.argtypes = [pointer]
    lib.avr_irq_get_flags.restype = ctypes.c_uint8
    lib.avr_irq_set_flags.argtypes = [pointer, ctypes.c_uint8]
    lib.avr_irq_set_flags.restype = None
    lib.avr_raise_irq.argtypes = [pointer, number]
    lib.avr_raise_irq.restype = None
    lib.avr_ioctl.argtypes = [pointer, number, pointer]
    lib.avr_ioctl.restype = ctypes.c_int
    lib.avr_cycle_timer_register.argtypes = [pointer, ctypes.c_uint64, _TIMER, pointer]
    lib.avr_cycle_timer_register.restype = None
    lib.avr_global_logger_set.argtypes = [_LOGGER]
    lib.avr_global_logger_set.restype = None
    return lib
