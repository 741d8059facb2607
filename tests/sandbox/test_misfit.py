"""What may not cross is found wherever it is, and told with its place."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from lockgate_sandbox._wire.misfit import CROSSES, is_data, unfit


class Pair(NamedTuple):
    """A tuple to whoever looks."""

    first: int
    second: object


def ring() -> list[Any]:
    """A list that holds itself, twice."""
    made: list[Any] = []
    made += [made, made]
    return made


DATA: list[object] = [
    None,
    "text",
    1 << 80,  # of the right type: that it is too large, the codec tells
    [1, (2.5, b"x", bytearray(b"y"))],
    OrderedDict(a=[{"b": memoryview(b"z")}]),
    {"n": array("d", [1.0])},
    Pair(1, "a"),
    ring(),
]


@pytest.mark.parametrize("value", DATA)
def test_data_is_data(value: object) -> None:
    assert is_data(value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({2}, "x: objects of type set can't cross"),
        ([[[[{2}]]]], "x[0][0][0][0]: objects of type set can't cross"),
        ({"a": (1, date(2020, 1, 1))}, "x['a'][1]: objects of type date can't cross"),
        (Pair(1, Decimal(2)), "x[1]: objects of type Decimal can't cross"),
        ({"a": {2: 3}}, "x['a']: a key is not a string: 2"),
        ([*ring(), 1j], "x[2]: objects of type complex can't cross"),
    ],
)
def test_what_is_none_is_told_with_its_place(value: object, told: str) -> None:
    error = unfit("x", value, "no")

    assert not is_data(value)
    assert (str(error), error.hint) == (told, CROSSES)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([0, 1 << 64], "x[1]: an int of more than 64 bits can't cross"),
        ({"a": -(1 << 63) - 1}, "x['a']: an int of more than 64 bits can't cross"),
        (["a\ud800"], "x[0]: a text that is no UTF-8 can't cross: surrogates"),
        ([1], "x: as the codec says"),
    ],
)
def test_a_value_of_the_right_type_may_not_cross_either(
    value: object, told: str
) -> None:
    assert str(unfit("x", value, "as the codec says")).startswith(told)


def test_a_long_way_there_is_cut() -> None:
    assert len(str(unfit("x", {"k" * 10_000: object()}, "no"))) < 300
