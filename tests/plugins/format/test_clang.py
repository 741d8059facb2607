"""The edits that clang-format gives, applied to bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_format.clang import apply_edits


def test_offsets_count_bytes_and_entities_are_read() -> None:
    body = "a  é<b>".encode()
    document = (
        b"<replacement offset='1' length='2'>&#10;</replacement>\n"
        b"<replacement offset='5' length='1'>&lt;&amp;</replacement>\n"
    )

    assert apply_edits(body, document) == "a\né<&b>".encode()


def test_an_edit_outside_the_file_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        apply_edits(b"ab", b"<replacement offset='2' length='1'>x</replacement>")


def test_edits_out_of_order_are_refused() -> None:
    document = (
        b"<replacement offset='1' length='1'></replacement>"
        b"<replacement offset='0' length='1'></replacement>"
    )

    with pytest.raises(ValueError, match="does not fit"):
        apply_edits(b"ab", document)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_foreign_bytes_give_a_text_or_a_value_error(
    body: bytes, document: bytes
) -> None:
    try:
        apply_edits(body, document)
    except ValueError:
        return
