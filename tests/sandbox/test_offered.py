"""Tools with parameters of every kind, called from a text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockgate_sandbox import Interpreter, PolicyError, Sandbox
from lockgate_sandbox._offered import callback_of

pytestmark = pytest.mark.kernel


def anything(*given: Any, **named: Any) -> list[Any]:
    return [list(given), named]


def some(a: Any, b: Any = 2, *rest: Any, c: Any = 3) -> list[Any]:
    return [a, b, list(rest), c]


def placed(a: Any, b: Any = 2, /) -> list[Any]:
    return [a, b]


@pytest.fixture(scope="module")
def python() -> Iterator[Interpreter]:
    tools: dict[str, Callable[..., object]]
    tools = {"anything": anything, "some": some, "placed": placed, "len": len}
    with Interpreter.open("basic", tools=tools) as opened:
        yield opened


CALLS: list[tuple[str, Any]] = [
    ("anything(1, 2, x=3)", [[1, 2], {"x": 3}]),
    ("anything()", [[], {}]),
    ("some(1)", [1, 2, [], 3]),
    ("some(1, 5, 6, 7, c=9)", [1, 5, [6, 7], 9]),
    ("some(b=1, a=2)", [2, 1, [], 3]),
    ("placed(1)", [1, 2]),
    ("placed(1, 4)", [1, 4]),
    ("len([1, 2])", 2),
]


@pytest.mark.parametrize(("source", "value"), CALLS)
def test_a_tool_is_called_as_its_parameters_say(
    python: Interpreter, source: str, value: object
) -> None:
    assert python.run(source).check().value == value


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("some()", "missing a required argument: 'a'"),
        ("some(1, a=1)", "two values for argument 'a'"),
        ("placed(1, 2, 3)", "takes 2 positional arguments"),
    ],
)
def test_a_call_that_does_not_fit_is_told(
    python: Interpreter, source: str, told: str
) -> None:
    assert told in str(python.run(source).error)


def test_what_came_by_position_and_is_no_list_is_refused() -> None:
    with pytest.raises(ValueError, match="by position is a list"):
        callback_of("anything", anything)({"*": "letters"})


def test_a_tool_without_readable_parameters_is_refused_at_the_start(
    sandbox: Sandbox,
) -> None:
    with pytest.raises(PolicyError, match="does not say which parameters") as refused:
        Interpreter.open(
            "basic", tools={"hypot": math.hypot, "max": max}, sandbox=sandbox
        )
    assert refused.value.hint
