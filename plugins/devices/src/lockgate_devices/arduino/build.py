"""Compiles a sketch with the machine's avr-gcc, in one call of the granted tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lockgate.values import ProgramRun, Tree
from lockgate_devices.arduino.elf import ElfError, Image, read_elf
from lockgate_devices.arduino.sketch import to_cpp

__all__ = ["BuildError", "Target", "ToolRunner", "build", "target_of"]

_HARDWARE = "/usr/share/arduino/hardware/arduino/avr"
_CORE = f"{_HARDWARE}/cores/arduino"
_TIMEOUT_SECONDS = 60.0

# What a sketch can reach; the linker leaves out what it does not.
_CORE_C = (
    *("hooks", "WInterrupts", "wiring", "wiring_analog", "wiring_digital"),
    *("wiring_pulse", "wiring_shift"),
)
_CORE_CPP = (
    *("abi", "HardwareSerial", "HardwareSerial0", "HardwareSerial1"),
    *("HardwareSerial2", "HardwareSerial3", "main", "new", "Print", "Stream"),
    *("Tone", "WMath", "WString"),
)
_CORE_USB = ("CDC", "PluggableUSB", "USBCore", "IPAddress")

_TABLES = (
    *("digital_pin_to_port_PGM", "digital_pin_to_bit_mask_PGM"),
    *("digital_pin_to_timer_PGM", "analog_pin_to_channel_PGM"),
)


class ToolRunner(Protocol):
    """Who runs granted tools: `lockgate.plugin.Context`."""

    def run_program(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        tree: Tree | None = None,
        collect: Sequence[str] = (),
        timeout: float | None = None,
    ) -> ProgramRun:
        """Run a program in a fresh folder that holds `tree`."""
        ...


class BuildError(Exception):
    """The sketch does not build; `log` is what the compiler said."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


@dataclass(frozen=True, slots=True)
class Target:
    """How the Arduino core knows a board.

    `first_analog` is the number of A0, `flash_bytes` the size of the chip's flash.
    """

    mcu: str
    f_cpu: int
    variant: str
    macro: str
    first_analog: int
    flash_bytes: int
    usb: bool = False


_BOARDS = {
    "uno": ("standard", "AVR_UNO", 14, False),
    "nano": ("eightanaloginputs", "AVR_NANO", 14, False),
    "mega2560": ("mega", "AVR_MEGA2560", 54, False),
    "mega": ("mega", "AVR_MEGA2560", 54, False),
    "leonardo": ("leonardo", "AVR_LEONARDO", 18, True),
    "micro": ("micro", "AVR_MICRO", 18, True),
}
_BY_MCU = {"atmega328p": "uno", "atmega2560": "mega2560", "atmega32u4": "leonardo"}
_FLASH_BYTES = {"atmega328p": 32_768, "atmega2560": 262_144, "atmega32u4": 32_768}
_F_CPU = 16_000_000


def target_of(board: Mapping[str, Any]) -> Target | None:
    """The target of a contract's board, or None if the core has none for it."""
    mcu = str(board.get("mcu", "")).lower()
    if mcu not in _BY_MCU:
        return None
    known = _BOARDS.get(str(board.get("id")), _BOARDS[_BY_MCU[mcu]])
    variant, macro, first_analog, usb = known
    return Target(
        mcu,
        board.get("f_cpu") or _F_CPU,
        variant,
        macro,
        first_analog,
        _FLASH_BYTES[mcu],
        usb,
    )


def _arguments(target: Target) -> list[str]:
    flags = [
        *("-Os", "-w", "-std=gnu++11", "-fpermissive", "-fno-exceptions"),
        *("-ffunction-sections", "-fdata-sections", "-fno-threadsafe-statics"),
        *(f"-mmcu={target.mcu}", f"-DF_CPU={target.f_cpu}L", "-DARDUINO=10819"),
        *(f"-DARDUINO_{target.macro}", "-DARDUINO_ARCH_AVR"),
        # gcc 5.4's own headers lack the macro that the core's Print uses.
        "-DDECIMAL_DIG=__DECIMAL_DIG__",
        *(f"-I{_CORE}", f"-I{_HARDWARE}/variants/{target.variant}"),
        # The pin tables stay in, used or not: they say which port a pin is.
        *(f"-Wl,--gc-sections,-u,{',-u,'.join(_TABLES)}".split()),
    ]
    if target.usb:
        flags += ["-DUSB_VID=0x2341", "-DUSB_PID=0x8036", '-DUSB_PRODUCT="board"']
        flags += ['-DUSB_MANUFACTURER="Arduino"']
    sources = [f"{_CORE}/{name}.cpp" for name in _CORE_CPP]
    if target.usb:
        sources += [f"{_CORE}/{name}.cpp" for name in _CORE_USB]
    sources += [f"{_CORE}/{name}.c" for name in _CORE_C]
    sources += [f"{_CORE}/wiring_pulse.S", "sketch.cpp"]
    return [*flags, *sources, "-o", "sketch.elf", "-lm"]


def build(
    runner: ToolRunner, source: str, path: str, target: Target
) -> tuple[Image, bytes]:
    """Compile and link; the image and the ELF file.

    One call of the compiler's driver takes the core and the sketch together:
    starting a sandbox costs more than compiling a file.

    Raises:
        BuildError: If the compiler refuses the sketch or leaves no program.
        FileNotFoundError: If avr-gcc is not installed.
        PermissionError: If it is not granted.
    """
    cpp = to_cpp(source, path)
    if target.usb:
        # simavr knows the second UART of these processors but no USB host.
        cpp = cpp.replace(
            "#include <Arduino.h>\n",
            "#include <Arduino.h>\n#define Serial Serial1\n",
            1,
        )
    run = runner.run_program(
        "avr-gcc",
        _arguments(target),
        tree=Tree.of({"sketch.cpp": cpp}),
        collect=["sketch.elf"],
        timeout=_TIMEOUT_SECONDS,
    )
    log = run.stderr.decode("utf-8", "replace")[-4_000:]
    if run.status != 0 or "sketch.elf" not in run.tree:
        message = f"avr-gcc ended with status {run.status}"
        raise BuildError(message, log)
    elf = run.tree["sketch.elf"].content
    try:
        return read_elf(elf), elf
    except ElfError as error:
        raise BuildError(f"sketch.elf: {error}", log) from error
