"""Reads what is needed from a 32-bit little-endian ELF file: flash and tables.

The file was written by a compiler that read foreign source: every offset is
held to the file's size and every size to a bound.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ElfError", "Image", "read_elf"]

_RAM_BASE = 0x800000
"""Where the linker puts RAM, to tell it from flash (avr-libc)."""
_EEPROM_BASE = 0x810000
_FLASH_LIMIT_BYTES = 1 << 20
_SYMBOL_LIMIT = 50_000
_MACHINE_AVR = 83


class ElfError(ValueError):
    """The file is no AVR program."""


@dataclass(frozen=True, slots=True)
class Image:
    """A linked program: its flash from address 0, its static RAM, its tables."""

    flash: bytes
    ram_bytes: int
    symbols: dict[str, tuple[int, int]]

    def table(self, name: str) -> bytes:
        """The bytes of a constant in flash; empty if it is not there."""
        address, size = self.symbols.get(name, (0, 0))
        return self.flash[address : address + size] if address < _RAM_BASE else b""


def _unpack(form: str, data: bytes, offset: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from("<" + form, data, offset)
    except struct.error as error:
        message = f"the file ends before offset {offset}"
        raise ElfError(message) from error


def read_elf(data: bytes) -> Image:
    """Read a linked AVR program.

    Raises:
        ElfError: If the bytes are not one.
    """
    if data[:6] != b"\x7fELF\x01\x01":
        message = "not a 32-bit little-endian ELF file"
        raise ElfError(message)
    header = _unpack("HHIIIIIHHHHHH", data, 16)
    machine, program_at, section_at = header[1], header[4], header[5]
    if machine != _MACHINE_AVR:
        message = f"a program for machine {machine}, not for AVR"
        raise ElfError(message)
    flash = bytearray()
    ram = 0
    for number in range(header[9]):
        segment = _unpack("IIIIIIII", data, program_at + number * header[8])
        kind, offset, virtual, physical, in_file, in_memory = segment[:6]
        if kind != 1 or virtual >= _EEPROM_BASE:
            continue
        if virtual >= _RAM_BASE:
            ram += in_memory
        _place(flash, physical, data, offset, in_file)
    sections = (section_at, header[10], header[11])
    return Image(bytes(flash), ram, dict(_symbols(data, *sections)))


def _place(flash: bytearray, at: int, data: bytes, offset: int, size: int) -> None:
    if size == 0:
        return
    if at + size > _FLASH_LIMIT_BYTES or offset + size > len(data):
        message = f"a segment of {size} bytes at {at:#x} does not fit"
        raise ElfError(message)
    if len(flash) < at + size:
        flash.extend(b"\xff" * (at + size - len(flash)))
    flash[at : at + size] = data[offset : offset + size]


def _symbols(
    data: bytes, table_at: int, entry_size: int, count: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    headers = [
        _unpack("IIIIIIIIII", data, table_at + number * entry_size)
        for number in range(count)
    ]
    for header in headers:
        if header[1] != 2 or header[9] != 16:  # SHT_SYMTAB, and its entry's size
            continue
        if header[6] >= len(headers) or header[5] // 16 > _SYMBOL_LIMIT:
            message = "the symbol table does not fit"
            raise ElfError(message)
        names_at, names_size = headers[header[6]][4:6]
        names = data[names_at : names_at + names_size]
        for offset in range(header[4], header[4] + header[5] // 16 * 16, 16):
            name, value, size, _, _, _ = _unpack("IIIBBH", data, offset)
            text = names[name : names.find(b"\0", name)].decode("ascii", "replace")
            if size and text:
                yield text, (value, size)
