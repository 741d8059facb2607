"""The assembler: labels become distances, far ones get a bridge."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.bpf.assemble import (
    And,
    Assembled,
    Jump,
    Label,
    Load,
    Operation,
    Return,
    assemble,
)
from lockgate_sandbox.bpf.simulate import simulate


def instructions(made: Assembled) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", made.code))


def test_each_operation_is_one_instruction() -> None:
    made = assemble([Load(16), And(0xF), Return(7)])

    assert instructions(made) == [(0x20, 0, 0, 16), (0x54, 0, 0, 15), (0x06, 0, 0, 7)]


def test_a_label_is_a_distance_from_the_next_instruction() -> None:
    made = assemble(
        [Load(0), Jump("eq", 1, "one", ""), Return(0), Label("one"), Return(1)]
    )

    assert instructions(made)[1] == (0x15, 1, 0, 1)


def test_a_jump_with_a_process_id_is_reported_as_a_slot() -> None:
    made = assemble(
        [
            Load(0),
            Jump("eq", 0, "a", "", pid_slot=True),
            Return(0),
            Label("a"),
            Return(1),
        ]
    )

    assert made.pid_slots == (1,)


@given(gap=st.integers(240, 700), value=st.integers(0, 3), inner=st.booleans())
def test_a_far_label_is_reached_all_the_same(gap: int, value: int, inner: bool) -> None:
    """Around 255 instructions the form of the jump changes, its meaning doesn't."""
    filling: list[Operation] = [And(0xFFFFFFFF)] * gap
    yes, no = ("far", "") if inner else ("", "far")
    program = [
        Load(0),
        Jump("eq", 2, yes, no),
        *filling,
        Return(1),
        Label("far"),
        Return(2),
    ]

    made = assemble(program)

    taken = (value == 2) == inner
    assert simulate(made.code, number=value, audit_arch=0) == (2 if taken else 1)
    assert (len(made) > gap + 4) == (gap + 1 > 255)


def test_bridges_that_push_other_labels_out_of_reach_are_followed_up() -> None:
    program: list[Operation] = [Load(0)]
    program += [Jump("eq", index, "end", "") for index in range(200)]
    program += [*[And(0xFFFFFFFF)] * 100, Return(1), Label("end"), Return(2)]

    made = assemble(program)

    for number in (0, 1, 50, 100, 198, 199):
        assert simulate(made.code, number=number, audit_arch=0) == 2
    assert simulate(made.code, number=200, audit_arch=0) == 1


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ([], "1 to 4096"),
        ([Load(0)], "ends with a return"),
        ([Jump("eq", 1, "x", ""), Return(0)], "no label 'x'"),
        ([Label("x"), Jump("eq", 1, "x", ""), Return(0)], "behind its jump"),
        ([Label("x"), Label("x"), Return(0)], "defined twice"),
        ([*[Load(0)] * 4096, Return(0)], "1 to 4096"),
    ],
)
def test_a_program_that_the_kernel_would_refuse_is_refused(
    program: list[Operation], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        assemble(program)
