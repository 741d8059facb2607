"""Run a seccomp program without a kernel.

The interpreter checks what the kernel's own verifier checks (reach of jumps,
aligned loads inside the data, a return at the end) and refuses anything that
the assembler never writes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["SimulationError", "describe", "simulate"]

_DATA = struct.Struct("<iIQ6Q")
_WORD_MASK = 0xFFFFFFFF
_ARG_MASK = 0xFFFFFFFFFFFFFFFF

_ACTIONS = {
    0x7FFF0000: "allow",
    0x80000000: "kill",
    0x00050000: "errno",
    0x7FC00000: "notify",
}


class SimulationError(ValueError):
    """The bytes are no program that the kernel would accept."""


def simulate(
    program: bytes, *, number: int, audit_arch: int, args: Sequence[int] = ()
) -> int:
    """The value that `program` returns for call `number` with `args`.

    Missing arguments are zero; wider ones are cut to 64 bits, as registers are.

    Raises:
        SimulationError: If the program is malformed.
    """
    if not program or len(program) % 8:
        msg = f"a program is a number of 8-byte instructions, not {len(program)} bytes"
        raise SimulationError(msg)
    code = list(struct.iter_unpack("=HBBI", program))
    given = [value & _ARG_MASK for value in (*args, *([0] * 6))][:6]
    signed = (number & _WORD_MASK) - ((number & 0x80000000) << 1)
    data = _DATA.pack(signed, audit_arch, 0, *given)
    accumulator = at = 0
    while at < len(code):
        operation, yes, no, constant = code[at]
        at += 1
        match operation:
            case 0x06:
                return int(constant)
            case 0x20:
                accumulator = _load(data, constant)
            case 0x54:
                accumulator &= constant
            case 0x05:
                at += constant
            case _:
                at += yes if _passes(operation, accumulator, constant) else no
    msg = "the program runs past its end"
    raise SimulationError(msg)


def _load(data: bytes, offset: int) -> int:
    """The word at `offset`, if the kernel would let it be read."""
    if offset % 4 or not 0 <= offset <= len(data) - 4:
        msg = f"load at {offset} of {len(data)} bytes"
        raise SimulationError(msg)
    return int.from_bytes(data[offset : offset + 4], "little")


def _passes(operation: int, accumulator: int, constant: int) -> bool:
    """Whether a conditional jump is taken."""
    match operation:
        case 0x15:
            return accumulator == constant
        case 0x25:
            return accumulator > constant
        case 0x35:
            return accumulator >= constant
        case 0x45:
            return bool(accumulator & constant)
        case _:
            msg = f"instruction {operation:#x} is not among those that are written"
            raise SimulationError(msg)


def describe(value: int) -> str:
    """``allow``, ``kill`` or ``errno N`` for a returned value."""
    name = _ACTIONS.get(value & 0xFFFF0000, f"{value:#x}")
    return f"errno {value & 0xFFFF}" if name == "errno" else name
