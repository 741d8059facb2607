"""An assembler for the part of classic BPF that seccomp accepts.

A program is a list of operations with symbolic labels. Conditional jumps reach
255 instructions at most; where a label lies further away the assembler puts an
unconditional jump (32-bit reach) in between, and does so until nothing moves.
All jumps go forward, as the kernel demands.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "And",
    "Jump",
    "Label",
    "Load",
    "Operation",
    "Return",
    "Test",
    "assemble",
]

LENGTH_LIMIT = 4096
"""BPF_MAXINSNS: longer programs are refused by the kernel."""

Test: TypeAlias = Literal["eq", "gt", "ge", "any-bits"]

# include/uapi/linux/bpf_common.h: class | size | mode, or class | op | source.
_LOAD_WORD_ABSOLUTE = 0x20
_AND_CONSTANT = 0x54
_RETURN_CONSTANT = 0x06
_JUMP_ALWAYS = 0x05
_JUMPS: dict[Test, int] = {"eq": 0x15, "gt": 0x25, "ge": 0x35, "any-bits": 0x45}

_NEAR = 255


@dataclass(frozen=True, slots=True)
class Load:
    """Put the 32-bit word at byte `offset` of the seccomp data into A."""

    offset: int


@dataclass(frozen=True, slots=True)
class And:
    """A &= `constant`."""

    constant: int


@dataclass(frozen=True, slots=True)
class Jump:
    """Go to `yes` if A passes `test` against `constant`, else to `no`.

    An empty label means the next operation. With `pid_slot` the constant is
    the caller's process id, filled in when the program is installed.
    """

    test: Test
    constant: int
    yes: str = ""
    no: str = ""
    pid_slot: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """End with `value` (SECCOMP_RET_…)."""

    value: int


@dataclass(frozen=True, slots=True)
class Label:
    """A place to jump to; takes no room."""

    name: str


Operation: TypeAlias = Load | And | Jump | Return | Label


@dataclass(frozen=True, slots=True)
class Assembled:
    """The kernel's bytes, and which instructions want the process id."""

    code: bytes
    pid_slots: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.code) // 8


def assemble(operations: Sequence[Operation]) -> Assembled:
    """`operations` as an array of ``struct sock_filter`` in native order.

    Raises:
        ValueError: If a label is missing, defined twice or behind its jump, the
            program is empty, does not end with a return, or is too long.
    """
    far: set[int] = set()
    while True:
        places, labels, length = _layout(operations, far)
        more = {
            index
            for index, operation in enumerate(operations)
            if isinstance(operation, Jump)
            and index not in far
            and _reach(operation, places[index], labels) > _NEAR
        }
        if not more:
            break
        far |= more
    if not 0 < length <= LENGTH_LIMIT:
        msg = f"a program has 1 to {LENGTH_LIMIT} instructions, not {length}"
        raise ValueError(msg)
    if not isinstance(operations[-1], Return):
        msg = "a program ends with a return"
        raise ValueError(msg)
    out: list[tuple[int, int, int, int]] = []
    slots: list[int] = []
    for index, operation in enumerate(operations):
        if isinstance(operation, Jump) and operation.pid_slot:
            slots.append(len(out))
        out += _encode(operation, places[index], labels, far=index in far)
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in out)
    return Assembled(code, tuple(slots))


def _layout(
    operations: Sequence[Operation], far: set[int]
) -> tuple[list[int], dict[str, int], int]:
    """Where each operation and label lies if the jumps in `far` take three."""
    places: list[int] = []
    labels: dict[str, int] = {}
    at = 0
    for index, operation in enumerate(operations):
        places.append(at)
        if isinstance(operation, Label):
            if operation.name in labels:
                msg = f"label {operation.name!r} is defined twice"
                raise ValueError(msg)
            labels[operation.name] = at
        else:
            at += 3 if index in far else 1
    return places, labels, at


def _distance(label: str, after: int, labels: dict[str, int]) -> int:
    """How many instructions a jump skips from `after` to reach `label`."""
    if not label:
        return 0
    if label not in labels:
        msg = f"no label {label!r}"
        raise ValueError(msg)
    distance = labels[label] - after
    if distance < 0:
        msg = f"label {label!r} lies behind its jump"
        raise ValueError(msg)
    return distance


def _reach(jump: Jump, at: int, labels: dict[str, int]) -> int:
    """The longer of the two ways of a short jump at `at`."""
    return max(_distance(label, at + 1, labels) for label in (jump.yes, jump.no))


def _encode(
    operation: Operation, at: int, labels: dict[str, int], *, far: bool
) -> list[tuple[int, int, int, int]]:
    """The instructions of one operation that lies at `at`."""
    match operation:
        case Load(offset):
            return [(_LOAD_WORD_ABSOLUTE, 0, 0, offset)]
        case And(constant):
            return [(_AND_CONSTANT, 0, 0, constant)]
        case Return(value):
            return [(_RETURN_CONSTANT, 0, 0, value)]
        case Label():
            return []
        case Jump(test, constant, yes, no):
            if not far:
                to_yes = _distance(yes, at + 1, labels)
                to_no = _distance(no, at + 1, labels)
                return [(_JUMPS[test], to_yes, to_no, constant)]
            # Two long jumps behind the test; an empty label falls past both.
            to_yes = _distance(yes, at + 2, labels) if yes else 1
            to_no = _distance(no, at + 3, labels) if no else 0
            return [
                (_JUMPS[test], 0, 1, constant),
                (_JUMP_ALWAYS, 0, 0, to_yes),
                (_JUMP_ALWAYS, 0, 0, to_no),
            ]
