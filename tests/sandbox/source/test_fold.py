"""The text that an expression is for sure."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.source._fold import fold


def folded(source: str) -> str | bytes | None:
    return fold(ast.parse(source, mode="eval").body)


@pytest.mark.parametrize(
    "source",
    [
        "'a' 'b'",
        "'a' + 'b' + 'c'",
        "'cba'[::-1]",
        "'abc'[1]",
        "'abc'[-1]",
        "'abcdef'[1:5:2]",
        "f'a{\"b\"}c'",
        "chr(97) + chr(98)",
        "''.join(['a', 'b'])",
        "'-'.join(('a', 'b'))",
        "''.join(map(chr, [97, 98]))",
        "''.join(chr(n) for n in [97, 98])",
        "bytes([97, 98]).decode()",
        "b'ab'.decode('ascii')",
        "'AB'.lower()",
        "'aXb'.replace('X', '')",
        "bytes.fromhex('6162').decode()",
        "str(b'ab', 'ascii')",
    ],
)
def test_it_is_what_python_says(source: str) -> None:
    assert folded(source) == eval(source)  # noqa: S307 - the peer


@pytest.mark.parametrize(
    "source",
    ["x", "1", "'a' * 9", "f()", "'a' + x", "'a'[x]", "'a'[9]", "'a'[::0]",
     "f'{x}'", "f'{\"a\":>9}'", "''.join(x)", "'a'.join([x])", "chr(-1)", "chr(x)",
     "bytes([256])", "bytes.fromhex('6')", "x.decode()"],
)  # fmt: skip
def test_what_it_cannot_say_it_does_not(source: str) -> None:
    assert folded(source) is None


def test_it_is_bounded() -> None:
    assert folded("'a' + " * 300 + "'a'") is None
    assert folded(repr("a" * 5_000)) is None
    assert folded("(" * 60 + "'a'" + "[:])" * 60) is None


@given(st.text(max_size=50))
def test_any_text_is_itself(text: str) -> None:
    assert folded(ascii(text)) == text
    assert folded(f"{text!a}[::-1]") == text[::-1]
