"""Facts of the boards that firmware depends on."""

from __future__ import annotations

import pytest

from lockgate_firmware.boards import BOARDS, MCUS, PLATFORMS


@pytest.mark.parametrize("board", BOARDS)
def test_aliases_lead_to_pins_of_the_board(board: str) -> None:
    known = BOARDS[board]

    assert set(known.aliases.values()) <= set(known.pins)
    assert not set(known.aliases) & set(known.pins)


def test_every_board_is_of_a_platform_and_has_a_known_processor() -> None:
    assert {board.id for some in PLATFORMS.values() for board in some} == set(BOARDS)
    assert {board.mcu for board in BOARDS.values()} == set(MCUS.values())


@pytest.mark.parametrize(
    ("board", "mcu", "flash", "ram"),
    [
        ("uno", "atmega328p", 32256, 2048),
        ("nano", "atmega328p", 30720, 2048),
        ("mega2560", "atmega2560", 253952, 8192),
        ("leonardo", "atmega32u4", 28672, 2560),
    ],
)
def test_memory_is_what_the_boot_loader_leaves(
    board: str, mcu: str, flash: int, ram: int
) -> None:
    known = BOARDS[board]

    assert (known.mcu, known.flash_bytes, known.ram_bytes) == (mcu, flash, ram)


@pytest.mark.parametrize("number", range(34, 40))
def test_esp32_inputs_have_no_pull_up_and_drive_nothing(number: int) -> None:
    pin = BOARDS["esp32-devkit"].pins[str(number)]

    assert (pin.pull_up, pin.output, pin.pwm) == (False, False, False)


def test_only_pins_of_a_timer_carry_pwm_on_avr_and_stm32() -> None:
    for board in BOARDS.values():
        if board.platform in ("arduino", "stm32"):
            for pin in board.pins.values():
                assert pin.pwm == bool(pin.timer)
