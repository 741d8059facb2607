"""Literals of a module: which of them hold a word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.source._scope import Texts

_LITERALS = st.lists(st.text("ab/.{\0", max_size=6), max_size=8)
_WORDS = st.lists(st.text("ab/.{", max_size=3), max_size=4)


@given(_LITERALS, _WORDS)
def test_a_word_is_found_in_each_literal_that_holds_it(
    literals: list[str], words: list[str]
) -> None:
    texts = Texts()
    texts.said += literals

    found = texts.holding(words)

    assert found == [
        at for at, text in enumerate(literals) if any(word in text for word in words)
    ]
    assert texts.holding(words) == found
