"""The simulator refuses what the kernel's verifier refuses."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.bpf.simulate import SimulationError, describe, simulate


def program(*instructions: tuple[int, int, int, int]) -> bytes:
    return b"".join(struct.pack("=HBBI", *item) for item in instructions)


def run(code: bytes) -> int:
    return simulate(code, number=0, audit_arch=0)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (b"", "8-byte"),
        (b"1234567", "8-byte"),
        (program((0x20, 0, 0, 0)), "past its end"),
        (program((0x20, 0, 0, 2), (6, 0, 0, 0)), "load at 2"),
        (program((0x20, 0, 0, 64), (6, 0, 0, 0)), "load at 64"),
        (program((0x05, 0, 0, 9), (6, 0, 0, 0)), "past its end"),
        (program((0x15, 9, 9, 0), (6, 0, 0, 0)), "past its end"),
        (program((0x80, 0, 0, 0), (6, 0, 0, 0)), "0x80"),
    ],
)
def test_a_malformed_program_is_refused(code: bytes, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        run(code)


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_value_or_a_refusal(code: bytes) -> None:
    try:
        value = run(code)
    except SimulationError:
        return
    assert 0 <= value <= 0xFFFFFFFF


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, 0xFFFFFFFF), (4, 7), (16, 0x55667788), (20, 0x11223344), (60, 0)],
)
def test_the_data_lies_as_the_kernel_lays_it(offset: int, expected: int) -> None:
    for guess, answer in ((expected, 1), (expected ^ 1, 0)):
        code = program(
            (0x20, 0, 0, offset), (0x15, 0, 1, guess), (6, 0, 0, 1), (6, 0, 0, 0)
        )
        seen = simulate(code, number=-1, audit_arch=7, args=[0x1122334455667788])
        assert seen == answer


def test_values_are_described_in_words() -> None:
    assert describe(0x7FFF0000) == "allow"
    assert describe(0x80000000) == "kill"
    assert describe(0x00050000 | 38) == "errno 38"
