"""The compiler against a straightforward model, on both machines."""

from __future__ import annotations

import errno
import operator
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lockgate_sandbox.bpf.compile import (
    ALLOW,
    KILL,
    Comparison,
    Condition,
    Filter,
    Rule,
    compile_filter,
    error_action,
)
from lockgate_sandbox.bpf.simulate import simulate

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
NEWEST = 30

OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "any-bits": lambda a, b: bool(a & b),
}


def holds(condition: Condition, args: Sequence[int]) -> bool:
    """What a condition means, in one line of arithmetic."""
    seen = args[condition.arg] % (1 << condition.width)
    if condition.mask is not None:
        seen &= condition.mask
    return OPERATORS[condition.op](seen, condition.value)


def decide(judged: Filter, number: int, arch: int, args: Sequence[int]) -> int:
    """What a filter means."""
    if arch != judged.audit_arch:
        return KILL
    if judged.audit_arch == X86_64 and number >= 0x40000000:
        return KILL
    if number > judged.newest:
        return error_action(errno.ENOSYS)
    for rule in judged.rules.get(number, ()):
        if all(holds(condition, args) for condition in rule.conditions):
            return rule.action
    return judged.default


words = st.one_of(
    st.sampled_from([0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]),
    st.integers(0, 0xFFFFFFFF),
)
wide = st.one_of(
    words,
    st.tuples(words, words).map(lambda pair: pair[0] << 32 | pair[1]),
)
actions = st.sampled_from([ALLOW, KILL, error_action(1), error_action(38)])


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    width: Literal[32, 64] = draw(st.sampled_from([32, 64]))
    numbers = words if width == 32 else wide
    return Condition(
        draw(st.integers(0, 5)),
        draw(st.sampled_from(get_args(Comparison))),
        draw(numbers),
        width,
        draw(st.one_of(st.none(), numbers)),
    )


rules = st.lists(
    st.builds(Rule, actions, st.lists(conditions(), max_size=3).map(tuple)),
    min_size=1,
    max_size=3,
)
filters = st.builds(
    Filter,
    st.sampled_from([X86_64, AARCH64]),
    st.just(NEWEST),
    st.dictionaries(st.integers(0, NEWEST), rules, max_size=12),
    actions,
)


@st.composite
def calls(draw: st.DrawFn, judged: Filter) -> tuple[int, list[int]]:
    """A call near the filter's own numbers and constants: bias -1, 0, +1."""
    known = sorted(judged.rules) or [0]
    number = draw(st.sampled_from(known)) + draw(st.sampled_from([-1, 0, 0, 0, 1]))
    args = [draw(wide) for _ in range(6)]
    for rule in judged.rules.get(number, ()):
        for condition in rule.conditions:
            if draw(st.booleans()):
                bias = draw(st.sampled_from([-1, 0, 1, 1 << 32]))
                args[condition.arg] = (condition.value + bias) % (1 << 64)
    return number % (1 << 32), args


@settings(max_examples=300, deadline=None)
@given(data=st.data(), judged=filters)
def test_the_program_decides_as_the_model(data: st.DataObject, judged: Filter) -> None:
    made = compile_filter(judged)

    for _ in range(8):
        number, args = data.draw(calls(judged))
        seen = simulate(
            made.code, number=number, audit_arch=judged.audit_arch, args=args
        )

        assert seen == decide(judged, number, judged.audit_arch, args)


@given(number=st.integers(0, 0xFFFFFFFF), arch=st.integers(0, 0xFFFFFFFF))
@example(number=0, arch=X86_64)
@example(number=NEWEST, arch=X86_64)
@example(number=NEWEST + 1, arch=X86_64)
@example(number=0x3FFFFFFF, arch=X86_64)
@example(number=0x40000000, arch=X86_64)
@example(number=0xFFFFFFFF, arch=X86_64)
@example(number=0x40000000, arch=AARCH64)
@example(number=39, arch=0x40000003)  # i386: other numbers, other arguments
@settings(deadline=None)
def test_foreign_machines_and_new_numbers_never_reach_a_rule(
    number: int, arch: int
) -> None:
    for own in (X86_64, AARCH64):
        judged = Filter(own, NEWEST, {5: [Rule(error_action(1))]})
        seen = simulate(compile_filter(judged).code, number=number, audit_arch=arch)

        assert seen == decide(judged, number, arch, [0] * 6)


@pytest.mark.parametrize("op", get_args(Comparison))
@pytest.mark.parametrize("width", [32, 64])
@pytest.mark.parametrize("value", [0, 1, 0xFFFFFFFF, 0x100000000, 0xFFFFFFFFFFFFFFFF])
@pytest.mark.parametrize("bias", [-1, 0, 1])
def test_each_operator_at_its_boundary(
    op: Comparison, width: Literal[32, 64], value: int, bias: int
) -> None:
    value %= 1 << width
    condition = Condition(2, op, value, width)
    judged = Filter(X86_64, NEWEST, {7: [Rule(error_action(9), (condition,))]})
    args = [0, 0, (value + bias) % (1 << 64)]

    seen = simulate(compile_filter(judged).code, number=7, audit_arch=X86_64, args=args)

    assert (seen == error_action(9)) == holds(condition, args)


def test_a_narrow_condition_ignores_the_upper_half() -> None:
    """An int argument: the kernel would cut it, so must the filter."""
    condition = Condition(1, "eq", 0x5412, 32)
    judged = Filter(X86_64, NEWEST, {16: [Rule(error_action(1), (condition,))]})
    code = compile_filter(judged).code

    seen = simulate(code, number=16, audit_arch=X86_64, args=[0, 0x5412 | 0xABCD << 32])

    assert seen == error_action(1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"arg": 6, "op": "eq", "value": 0},
        {"arg": 0, "op": "eq", "value": 1 << 32},
        {"arg": 0, "op": "eq", "value": -1},
        {"arg": 0, "op": "eq", "value": 0, "mask": 1 << 32},
        {"arg": 0, "op": "gt", "value": 0, "pid": True},
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"argument|fit|process id"):
        Condition(**wrong)  # type: ignore[arg-type]


def test_an_errno_outside_the_kernels_range_is_refused() -> None:
    for code in (0, -1, 4096):
        with pytest.raises(ValueError, match="errno"):
            error_action(code)
