"""The table of boards, and how a spec's words choose one.

`_board` says what a board is; `_avr`, `_esp32` and `_stm32` are facts of datasheets.
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate_firmware.boards._avr import LEONARDO, MEGA2560, NANO, UNO
from lockgate_firmware.boards._board import Board, Pin
from lockgate_firmware.boards._esp32 import ESP32_DEVKIT, M5STACK_CORE
from lockgate_firmware.boards._stm32 import BLUEPILL

__all__ = ["BOARDS", "MCUS", "PLATFORMS", "Board", "Pin"]

BOARDS: Mapping[str, Board] = {
    board.id: board
    for board in (UNO, NANO, MEGA2560, LEONARDO, ESP32_DEVKIT, M5STACK_CORE, BLUEPILL)
}

PLATFORMS: Mapping[str, tuple[Board, ...]] = {
    "arduino": (UNO, NANO, MEGA2560, LEONARDO),
    "esp32": (ESP32_DEVKIT,),
    "m5stack": (M5STACK_CORE,),
    "stm32": (BLUEPILL,),
}
"""The boards of each platform; the first is the one taken when none is named."""

MCUS: Mapping[str, str] = {
    "atmega328p": "atmega328p",
    "atmega328": "atmega328p",
    "atmega2560": "atmega2560",
    "atmega32u4": "atmega32u4",
    "esp32": "esp32",
    "esp32-wroom-32": "esp32",
    "esp32-wroom-32d": "esp32",
    "esp32-wroom-32e": "esp32",
    "esp32-d0wd": "esp32",
    "esp32-d0wdq6": "esp32",
    "stm32f103": "stm32f103c8",
    "stm32f103c8": "stm32f103c8",
    "stm32f103c8t6": "stm32f103c8",
}
"""How specs write a processor's name (lower case) -> ours."""
