"""JSON that any reader takes, whatever a plugin answered."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._text.json_text import json_text
from lockgate.cli._output import print_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def strictly(text: str) -> Any:
    """`text` as a reader takes it that knows RFC 8259 and nothing else."""

    def refuse(word: str) -> NoReturn:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


@given(VALUES)
def test_any_value_is_read_by_everybody(value: Any) -> None:
    text = json_text(value)

    assert text.isascii()
    assert strictly(text) == strictly(json_text(strictly(text)))
    try:
        expected = json.dumps(value, allow_nan=False)
    except ValueError:
        return
    assert text == expected


def test_a_number_that_json_has_not_is_null(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = {"value": [math.nan, (math.inf, -math.inf)], "raw": b"x", "n": 1.5}

    print_json(answer)

    told = strictly(capsys.readouterr().out)
    assert told == {"value": [None, [None, None]], "raw": "eA==", "n": 1.5}
    with pytest.raises(ValueError, match="NaN"):  # what Python writes by itself
        strictly(json.dumps(answer["value"]))
