"""Names that a stranger chose, for somebody to judge."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.terminal import quoted


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/srv/data", "'/srv/data'"),
        ("a b", "'a b'"),
        ("donn\xe9es", "'donn\xe9es'"),
        ("日本", "'日本'"),
        ("a\nMay it? y", r"'a\nMay it? y'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("a\u202eb", r"'a\u202eb'"),
        ("\u05d0b", r"'\u05d0b'"),
        ("a\u0301", r"'a\u0301'"),
        ("a\u3164b", r"'a\u3164b'"),
        ("a\u200bb", r"'a\u200bb'"),
        ("a   b", r"'a\x20\x20\x20b'"),
        (" a ", r"'\x20a\x20'"),
        ("it's", '"it\'s"'),
        ("""'" """, r"""'\'"\x20'"""),
        ("a\\x20", r"'a\\x20'"),
    ],
)
def test_what_can_not_be_seen_is_told(name: str, told: str) -> None:
    assert quoted(name) == told


@given(st.text())
def test_a_quoted_name_is_one_line_that_says_exactly_which(name: str) -> None:
    told = quoted(name)

    assert told.isprintable()
    assert "  " not in told
    assert ast.literal_eval(told) == name
