"""Boards with an STM32: the "blue pill" (STM32F103C8).

Pins are port names. Bare numbers count as the common Arduino cores do: 0 to 15
are PA0 to PA15, 16 to 31 PB0 to PB15, 32 to 34 PC13 to PC15.
"""

from __future__ import annotations

from lockgate_firmware.boards._board import Board, Pin

__all__ = ["BLUEPILL"]

_TIMERS = {
    "tim1": ("PA8", "PA9", "PA10", "PA11"),
    "tim2": ("PA0", "PA1", "PA2", "PA3"),
    "tim3": ("PA6", "PA7", "PB0", "PB1"),
    "tim4": ("PB6", "PB7", "PB8", "PB9"),
}
_TIMER_OF = {pin: timer for timer, pins in _TIMERS.items() for pin in pins}
_ANALOG = {*(f"PA{n}" for n in range(8)), "PB0", "PB1"}
_RESERVED = {
    "PA9": "the serial link",
    "PA10": "the serial link",
    "PA13": "the debug port",
    "PA14": "the debug port",
    "PB2": "the BOOT1 jumper",
}
_WARN = {
    "PA11": ("wired to the USB connector",),
    "PA12": ("wired to the USB connector, with a pull-up",),
    "PA15": ("a debug (JTAG) pin after reset",),
    "PB3": ("a debug (JTAG) pin after reset",),
    "PB4": ("a debug (JTAG) pin after reset",),
    "PC13": ("the board's LED, lit by a low level; at most 3 mA",),
    "PC14": ("the 32 kHz crystal hangs on it",),
    "PC15": ("the 32 kHz crystal hangs on it",),
}
_NAMES = (
    *(f"PA{n}" for n in range(16)),
    *(f"PB{n}" for n in range(16)),
    *(f"PC{n}" for n in range(13, 16)),
)


def _pin(name: str) -> Pin:
    timer = _TIMER_OF.get(name, "")
    return Pin(
        pwm=bool(timer),
        analog=name in _ANALOG,
        reserved=_RESERVED.get(name, ""),
        timer=timer,
        warn=_WARN.get(name, ()),
    )


BLUEPILL = Board(
    id="bluepill-f103",
    name="STM32F103C8 blue pill",
    platform="stm32",
    mcu="stm32f103c8",
    f_cpu=72_000_000,
    flash_bytes=64 * 1024,
    ram_bytes=20 * 1024,
    analog_max=4095,
    bauds=(
        *(1200, 2400, 4800, 9600, 19200, 38400, 57600),
        *(115200, 230400, 460800, 921600, 1000000),
    ),
    pins={name: _pin(name) for name in _NAMES},
    aliases={
        **{str(number): name for number, name in enumerate(_NAMES)},
        **{f"A{n}": f"PA{n}" for n in range(8)},
        "A8": "PB0",
        "A9": "PB1",
    },
    # MicroPython has no port for the F103: 64 KiB of flash are too few.
    runs_micropython=False,
)
