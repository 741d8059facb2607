"""Arduino boards with an AVR processor.

Flash and RAM are what the boot loader leaves to a sketch; pins and timers are
those of the Arduino core's variants (``pins_arduino.h``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lockgate_firmware.boards._board import Board, Pin

__all__ = ["LEONARDO", "MEGA2560", "NANO", "UNO"]

_BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 250000, 500000, 1000000)
"""What a 16 MHz AVR reaches within 2.2 % (datasheet, table of UBRR values)."""

_FAST_HZ = 977
"""Timer 0 in fast PWM mode: 16 MHz / 64 / 256; it also drives millis()."""
_PHASE_CORRECT_HZ = 490
"""The other timers in phase-correct mode: 16 MHz / 64 / 510."""

_SERIAL = "the serial link"
_LED_LOAD = "the board's LED hangs on this pin and loads a pull-up"


def _pins(
    digital: int,
    analog: int,
    timers: Mapping[str, Iterable[int]],
    *,
    reserved: Mapping[int, str],
    fast: str = "timer0",
) -> dict[str, Pin]:
    timer_of = {pin: timer for timer, pins in timers.items() for pin in pins}
    pins: dict[str, Pin] = {}
    for number in range(digital):
        timer = timer_of.get(number, "")
        pins[str(number)] = Pin(
            pwm=bool(timer),
            timer=timer,
            pwm_hz=(_FAST_HZ if timer == fast else _PHASE_CORRECT_HZ) if timer else 0,
            reserved=reserved.get(number, ""),
            warn=(_LED_LOAD,) if number == 13 else (),
        )
    for number in range(analog):
        pins[f"A{number}"] = Pin(analog=True)
    return pins


def _analog_aliases(first: int, count: int) -> dict[str, str]:
    return {str(first + n): f"A{n}" for n in range(count)}


_STANDARD_TIMERS = {"timer0": (5, 6), "timer1": (9, 10), "timer2": (3, 11)}
_UART = {0: _SERIAL, 1: _SERIAL}

UNO = Board(
    id="uno",
    name="Arduino Uno",
    platform="arduino",
    mcu="atmega328p",
    f_cpu=16_000_000,
    flash_bytes=32256,
    ram_bytes=2048,
    analog_max=1023,
    bauds=_BAUDS,
    pins=_pins(14, 6, _STANDARD_TIMERS, reserved=_UART),
    aliases=_analog_aliases(14, 6),
    tone_timer="timer2",
    avr=True,
    runs_micropython=False,
)

_NANO_ANALOG_ONLY = Pin(
    output=False,
    pull_up=False,
    analog=True,
    input=False,
    warn=("this pin can only be read as an analog voltage",),
)

NANO = Board(
    id="nano",
    name="Arduino Nano",
    platform="arduino",
    mcu="atmega328p",
    f_cpu=16_000_000,
    flash_bytes=30720,
    ram_bytes=2048,
    analog_max=1023,
    bauds=_BAUDS,
    pins={**UNO.pins, "A6": _NANO_ANALOG_ONLY, "A7": _NANO_ANALOG_ONLY},
    aliases=_analog_aliases(14, 8),
    tone_timer="timer2",
    avr=True,
    runs_micropython=False,
)

MEGA2560 = Board(
    id="mega2560",
    name="Arduino Mega 2560",
    platform="arduino",
    mcu="atmega2560",
    f_cpu=16_000_000,
    flash_bytes=253952,
    ram_bytes=8192,
    analog_max=1023,
    bauds=_BAUDS,
    pins=_pins(
        54,
        16,
        {
            "timer0": (4, 13),
            "timer1": (11, 12),
            "timer2": (9, 10),
            "timer3": (2, 3, 5),
            "timer4": (6, 7, 8),
            "timer5": (44, 45, 46),
        },
        reserved=_UART,
    ),
    aliases=_analog_aliases(54, 16),
    tone_timer="timer2",
    avr=True,
    runs_micropython=False,
)

LEONARDO = Board(
    id="leonardo",
    name="Arduino Leonardo",
    platform="arduino",
    mcu="atmega32u4",
    f_cpu=16_000_000,
    flash_bytes=28672,
    ram_bytes=2560,
    analog_max=1023,
    bauds=_BAUDS,
    pins=_pins(
        14,
        6,
        {"timer0": (3, 11), "timer1": (9, 10), "timer3": (5,), "timer4": (6, 13)},
        # Free while USB carries the link; kept so that a simulator, which has no
        # USB host, can use this port in its place.
        reserved=dict.fromkeys((0, 1), "the board's second serial port"),
    ),
    aliases=_analog_aliases(18, 6),
    serial_port="usb",
    tone_timer="timer3",
    avr=True,
    runs_micropython=False,
)
