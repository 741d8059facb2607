"""The embedding: lexical, deterministic, of unit length."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_assistant.embed import DIMENSIONS, cosine, embed_texts


def test_one_vector_per_text_all_of_one_length() -> None:
    vectors = embed_texts(("one", "two words", ""))

    assert [len(vector) for vector in vectors] == [DIMENSIONS] * 3


def test_a_text_is_nearest_to_itself() -> None:
    a, b = embed_texts(("pin 13 has no pull-up", "pin 13 has no pull-up"))

    assert cosine(a, b) == pytest.approx(1.0)


def test_texts_that_share_words_are_nearer_than_texts_that_do_not() -> None:
    base, near, far = embed_texts(
        (
            "the button on pin 34 has no pull-up resistor",
            "no pull-up resistor for the button",
            "WiFi password stored in clear text",
        )
    )

    assert cosine(base, near) > 0.5
    assert cosine(base, near) > cosine(base, far) + 0.3


def test_a_misspelt_word_is_near() -> None:
    right, wrong, other = embed_texts(("temperature", "temperatrue", "bluetooth"))

    assert cosine(right, wrong) > 0.4
    assert cosine(right, wrong) > cosine(right, other)


def test_case_and_punctuation_do_not_count() -> None:
    a, b = embed_texts(("LED, Pin: 13!", "led pin 13"))

    assert cosine(a, b) == pytest.approx(1.0)


def test_the_vector_is_the_same_on_every_machine() -> None:
    (vector,) = embed_texts(("pin 13",))
    places = {index for index, value in enumerate(vector) if value}

    # CRC-32 of <pin>, <pi, pin, in>, <pin, pin>, <13>, <13 and 13>, modulo 256.
    assert places == {43, 46, 57, 63, 66, 173, 228, 236, 243}


def test_a_text_without_a_word_is_the_zero_vector() -> None:
    zero, word = embed_texts((" .,!\n", "word"))

    assert not any(zero)
    assert cosine(zero, word) == 0.0


def test_vectors_of_two_lengths_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        cosine((1.0,), (1.0, 2.0))


@given(st.text(max_size=200))
def test_every_text_gives_length_one_or_zero(text: str) -> None:
    (vector,) = embed_texts((text,))
    length = math.sqrt(sum(value * value for value in vector))

    assert length == pytest.approx(1.0) or length == 0.0
