"""What is agreed to follows from what was held and what was said, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.grants import Right
from lockgate_marketplace.consent import Asked, Change, Word, decide, told
from lockgate_marketplace.errors import ConsentError

ASKED = (
    Asked(Right("env:LANG"), "held"),
    Asked(Right("net:a.example"), "new"),
    Asked(Right("read:/srv", "since 2.0"), "changed"),
)
KEYS = {one.right.key for one in ASKED}


def test_without_a_word_only_what_was_held_is_granted() -> None:
    agreed = decide("acme", ASKED, Word())

    assert agreed.granted == {"env:LANG"}
    assert agreed.open == {"net:a.example", "read:/srv"}
    assert not agreed.said


def test_what_was_held_needs_no_word() -> None:
    agreed = decide("acme", ASKED[:1], Word())

    assert agreed.granted == {"env:LANG"}
    assert not agreed.open
    assert agreed.said


def test_a_word_for_some_leaves_the_others_open() -> None:
    agreed = decide("acme", ASKED, Word(frozenset({"net:a.example"})))

    assert agreed.granted == {"env:LANG", "net:a.example"}
    assert agreed.open == {"read:/srv"}
    assert agreed.said


def test_all_and_none_are_what_they_say() -> None:
    assert decide("acme", ASKED, Word(all=True)).granted == KEYS
    assert decide("acme", ASKED, Word(none=True)).granted == set()


def test_a_right_that_is_not_asked_for_is_refused() -> None:
    with pytest.raises(ConsentError) as caught:
        decide("acme", ASKED, Word(frozenset({"net:evil.example"})))

    assert caught.value.code == "consent-unknown-right"


CHANGES: tuple[Change, ...] = ("new", "held", "changed")


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(CHANGES)),
    st.booleans(),
    st.booleans(),
    st.data(),
)
def test_nothing_is_granted_that_nobody_agreed_to(
    changes: dict[str, Change], everything: bool, nothing: bool, data: st.DataObject
) -> None:
    asked = [Asked(Right(f"env:{key}"), change) for key, change in changes.items()]
    keys = frozenset(one.right.key for one in asked)
    named = data.draw(st.frozensets(st.sampled_from(sorted(keys)))) if keys else keys
    held = {one.right.key for one in asked if one.change == "held"}

    agreed = decide("acme", asked, Word(named, all=everything, none=nothing))

    assert agreed.granted | agreed.open == keys
    assert not agreed.granted & agreed.open
    if nothing:
        assert not agreed.granted
    elif not everything:
        assert agreed.granted == held | named


def test_what_is_new_stands_first_with_its_risk() -> None:
    lines = told("acme 2.0", ASKED)

    assert lines[0] == "acme 2.0 wants to:"
    assert "net:a.example, risk" in lines[1]
    assert "since 2.0" in lines[2]
    assert lines[3].endswith("[env:LANG, risk low]")
    assert "as before" in lines[3]
