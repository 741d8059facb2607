"""From judged system calls to a BPF program.

Every program begins the same way, whatever it judges: a foreign architecture
is killed, x32 numbers (which alias the native calls) are killed, and a number
newer than the tables answers ENOSYS, so that a call nobody has judged does not
exist. Then a binary search over the numbers ends at a call's rules, tried in
order; the first whose conditions all hold decides, else the default.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

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

__all__ = [
    "ALLOW",
    "KILL",
    "NOTIFY",
    "Condition",
    "Filter",
    "Rule",
    "compile_filter",
    "error_action",
]

ALLOW = 0x7FFF0000
KILL = 0x80000000
NOTIFY = 0x7FC00000
_ERRNO = 0x00050000

Comparison: TypeAlias = Literal["eq", "ne", "lt", "le", "gt", "ge", "any-bits"]

# struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6].
_NUMBER_OFFSET = 0
_ARCH_OFFSET = 4
_ARGS_OFFSET = 16

_X32_BIT = 0x40000000
_AUDIT_ARCH_X86_64 = 0xC000003E
_LOW_WORD = 0xFFFFFFFF


def error_action(code: int) -> int:
    """The action "fail with errno `code`".

    Raises:
        ValueError: If `code` is not in 1..4095 (MAX_ERRNO).
    """
    if not 1 <= code <= 4095:
        msg = f"no such errno: {code}"
        raise ValueError(msg)
    return _ERRNO | code


@dataclass(frozen=True, slots=True)
class Condition:
    """One argument compared, unsigned, with a constant.

    `width` is how many bits of the register the kernel itself looks at: an
    ``int`` argument is 32 bits wide, and comparing 64 would let a caller slip
    past with rubbish in the upper half. `mask` is applied to the argument
    first. With `pid` the value is the caller's process id.
    """

    arg: int
    op: Comparison
    value: int
    width: Literal[32, 64] = 32
    mask: int | None = None
    pid: bool = False

    def __post_init__(self) -> None:
        limit = (1 << self.width) - 1
        mask = limit if self.mask is None else self.mask
        if not 0 <= self.arg <= 5:
            msg = f"a system call has arguments 0 to 5, not {self.arg}"
            raise ValueError(msg)
        if not 0 <= self.value <= limit or not 0 <= mask <= limit:
            msg = f"value or mask does not fit {self.width} bits: {self}"
            raise ValueError(msg)
        if self.pid and (self.op not in ("eq", "ne") or self.width != 32 or self.mask):
            msg = "a process id is compared with eq or ne, as 32 bits, unmasked"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do if all `conditions` hold; without conditions, always."""

    action: int
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """The judged calls of one architecture, by number."""

    audit_arch: int
    newest: int
    rules: Mapping[int, Sequence[Rule]]
    default: int = ALLOW


def compile_filter(judged: Filter) -> Assembled:
    """The program that decides as `judged` says.

    Raises:
        ValueError: If the program would be longer than the kernel accepts.
    """
    return assemble(list(_operations(judged)))


def _operations(judged: Filter) -> Iterator[Operation]:
    """The prologue, then the search tree."""
    yield Load(_ARCH_OFFSET)
    yield Jump("eq", judged.audit_arch, "native", "")
    yield Return(KILL)
    yield Label("native")
    yield Load(_NUMBER_OFFSET)
    if judged.audit_arch == _AUDIT_ARCH_X86_64:
        yield Jump("ge", _X32_BIT, "", "known")
        yield Return(KILL)
        yield Label("known")
    yield Jump("gt", judged.newest, "", "judged")
    yield Return(error_action(errno.ENOSYS))
    yield Label("judged")
    spans = _spans(judged)
    yield from _search(spans, judged.default, 0, len(spans))


Span: TypeAlias = tuple[int, tuple[Rule, ...]]


def _spans(judged: Filter) -> list[Span]:
    """(first number, rules) of each run of numbers with equal rules, from 0."""
    spans: list[Span] = []
    default: tuple[Rule, ...] = (Rule(judged.default),)
    for number in range(judged.newest + 1):
        rules = _effective(tuple(judged.rules.get(number, default)), judged.default)
        if not spans or spans[-1][1] != rules:
            spans.append((number, rules))
    return spans


def _effective(rules: tuple[Rule, ...], default: int) -> tuple[Rule, ...]:
    """`rules` up to the first that always holds, closed by the default."""
    kept: list[Rule] = []
    for rule in rules:
        kept.append(rule)
        if not rule.conditions:
            return tuple(kept)
    return (*kept, Rule(default))


def _search(
    spans: Sequence[Span], default: int, low: int, high: int
) -> Iterator[Operation]:
    """Binary search for A among spans[low:high]; each leaf returns."""
    if high - low == 1:
        yield from _leaf(spans[low], default)
        return
    middle = (low + high) // 2
    upper = f"from-{spans[middle][0]}"
    yield Jump("ge", spans[middle][0], upper, "")
    yield from _search(spans, default, low, middle)
    yield Label(upper)
    yield from _search(spans, default, middle, high)


def _leaf(span: Span, default: int) -> Iterator[Operation]:
    """The rules of one span in order; the last one always holds."""
    first, rules = span
    for index, rule in enumerate(rules):
        if not rule.conditions:
            yield Return(rule.action)
            return
        after = f"call-{first}-rule-{index}-not"
        for place, condition in enumerate(rule.conditions):
            prefix = f"call-{first}-rule-{index}-{place}"
            yield from _test(condition, prefix, after)
        yield Return(rule.action)
        yield Label(after)
    yield Return(default)


def _test(condition: Condition, prefix: str, fails: str) -> Iterator[Operation]:
    """Fall through if `condition` holds, else go to `fails`."""
    holds = f"{prefix}-holds"
    if condition.width == 32:
        yield from _load(condition, high=False)
        yield _low_jump(condition, holds, fails)
    else:
        yield from _wide_test(condition, holds, fails)
    yield Label(holds)


def _load(condition: Condition, *, high: bool) -> Iterator[Operation]:
    """One half of the argument into A, masked. Both machines are little-endian."""
    yield Load(_ARGS_OFFSET + 8 * condition.arg + (4 if high else 0))
    if condition.mask is not None:
        half = condition.mask >> 32 if high else condition.mask & _LOW_WORD
        yield And(half)


def _low_jump(condition: Condition, holds: str, fails: str) -> Jump:
    """Decide by the low word in A alone."""
    value = condition.value & _LOW_WORD
    match condition.op:
        case "eq":
            return Jump("eq", value, holds, fails, condition.pid)
        case "ne":
            return Jump("eq", value, fails, holds, condition.pid)
        case "gt":
            return Jump("gt", value, holds, fails)
        case "ge":
            return Jump("ge", value, holds, fails)
        case "lt":
            return Jump("ge", value, fails, holds)
        case "le":
            return Jump("gt", value, fails, holds)
        case "any-bits":
            return Jump("any-bits", value, holds, fails)


def _wide_test(condition: Condition, holds: str, fails: str) -> Iterator[Operation]:
    """Decide by the high word where it differs, else by the low one."""
    high = condition.value >> 32
    low = f"{holds}-low"
    yield from _load(condition, high=True)
    match condition.op:
        case "eq":
            yield Jump("eq", high, low, fails)
        case "ne":
            yield Jump("eq", high, low, holds)
        case "any-bits":
            yield Jump("any-bits", high, holds, low)
        case "gt" | "ge":
            yield Jump("gt", high, holds, f"{low}-equal")
            yield Label(f"{low}-equal")
            yield Jump("eq", high, low, fails)
        case "lt" | "le":
            yield Jump("gt", high, fails, f"{low}-equal")
            yield Label(f"{low}-equal")
            yield Jump("eq", high, low, holds)
    yield Label(low)
    yield from _load(condition, high=False)
    yield _low_jump(condition, holds, fails)
