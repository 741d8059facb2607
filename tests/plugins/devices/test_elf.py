"""The ELF reader: a foreign file may say what it likes about itself."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_devices.arduino.elf import ElfError, read_elf


def elf(
    *segments: tuple[int, int, bytes, int],
    symbols: dict[str, tuple[int, int]] | None = None,
) -> bytes:
    """A small AVR program: segments are (virtual, physical, content, in memory)."""
    body = bytearray(b"\0" * (52 + 32 * len(segments)))
    headers = bytearray()
    for virtual, physical, content, in_memory in segments:
        headers += struct.pack(
            "<8I", 1, len(body), virtual, physical, len(content), in_memory, 5, 1
        )
        body += content
    body[52 : 52 + len(headers)] = headers
    names = b"\0" + b"".join(name.encode() + b"\0" for name in symbols or {})
    table = bytearray(16)
    for name, (value, size) in (symbols or {}).items():
        table += struct.pack(
            "<IIIBBH", names.index(name.encode()), value, size, 1, 0, 1
        )
    names_at, table_at = len(body), len(body) + len(names)
    body += names + table
    sections_at = len(body)
    body += struct.pack("<10I", 0, 3, 0, 0, names_at, len(names), 0, 0, 1, 0)
    body += struct.pack("<10I", 0, 2, 0, 0, table_at, len(table), 0, 1, 4, 16)
    head = b"\x7fELF\x01\x01\x01" + b"\0" * 9
    head += struct.pack(
        "<HHIIIIIHHHHHH",
        2,
        83,
        1,
        0,
        52,
        sections_at,
        0,
        52,
        32,
        len(segments),
        40,
        2,
        0,
    )
    return bytes(head + body[52:])


GOOD = elf(
    (0, 0, b"\x0c\x94abcd", 6),
    (0x800100, 6, b"data", 4),
    (0x800104, 0x800104, b"", 100),
    (0x810000, 0x810000, b"eeprom", 6),
    symbols={"table": (2, 4), "buffer": (0x800104, 100), "empty": (0, 0)},
)


def test_flash_is_code_and_the_start_values_of_data() -> None:
    image = read_elf(GOOD)

    assert image.flash == b"\x0c\x94abcddata"
    assert image.ram_bytes == 104


def test_a_table_in_flash_is_read_by_name() -> None:
    image = read_elf(GOOD)

    assert image.table("table") == b"abcd"
    assert image.table("buffer") == image.table("empty") == image.table("none") == b""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a 32-bit"),
        (b"\x7fELF\x02\x01" + b"\0" * 100, "not a 32-bit"),
        (GOOD[:40], "the file ends"),
        (GOOD[:18] + b"\x3e\0" + GOOD[20:], "for machine 62"),
        (elf((0x0, 0x7FFFFFFF, b"xx", 2)), "does not fit"),
    ],
)
def test_what_is_no_program_is_said_to_be_none(data: bytes, words: str) -> None:
    with pytest.raises(ElfError, match=words):
        read_elf(data)


@given(st.data())
@settings(max_examples=300)
def test_damaged_bytes_give_an_error_or_a_bounded_image(data: st.DataObject) -> None:
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    try:
        image = read_elf(bytes(damaged[:cut]))
    except ElfError:
        return
    assert len(image.flash) <= 1 << 20
