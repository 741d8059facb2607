"""Two policies: every difference is told, with what it means."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import Limits, PathGrant, Policy, Program
from lockgate_sandbox.compare import compare

ELEVATED = Policy.for_tier("elevated")
PATHS = st.lists(st.sampled_from(["/a", "/b", "/c/d"]), unique=True).map(tuple)


def test_a_policy_does_not_differ_from_itself() -> None:
    assert compare(ELEVATED, Policy.for_tier("elevated")) == ()


@pytest.mark.parametrize("name", [f.name for f in fields(Limits)])
def test_a_smaller_limit_is_narrower(name: str) -> None:
    limits = ELEVATED.limits.tightened({name: 5})
    tighter = replace(ELEVATED, limits=limits)

    (less,) = compare(ELEVATED, tighter)
    (more,) = compare(tighter, ELEVATED)

    assert (less.what, less.effect) == (f"limits.{name}", "narrower")
    assert more.effect == "wider"
    assert str(more).startswith("+ limit ")


def test_grants_come_and_go() -> None:
    before = replace(ELEVATED, read=("/a", "/b"), programs=(Program("x", "/x"),))
    after = replace(ELEVATED, read=("/b", "/c"), env=(("A", "1"),))

    told = [str(change) for change in compare(before, after)]

    assert told == [
        "- no longer: read /a (which is not there now)",
        "+ read /c (which is not there now)",
        "- no longer: run x (/x), under the same seal",
        "+ see the environment variable A",
    ]


def test_another_value_of_a_variable_is_told_without_it() -> None:
    before = replace(ELEVATED, env=(("TOKEN", "old"),))
    after = replace(ELEVATED, env=(("TOKEN", "new"),))

    (change,) = compare(before, after)

    assert change.effect == "other"
    assert change.text == "see the environment variable TOKEN (its value changes)"


def test_the_same_grant_with_other_terms_has_changed() -> None:
    before = replace(ELEVATED, files=(PathGrant("/srv"),))
    after = replace(ELEVATED, files=(PathGrant("/srv", write=True),))
    quota = replace(ELEVATED, total=replace(ELEVATED.total, requests=5))

    (change,) = before.diff(after)
    (less,) = ELEVATED.diff(quota)

    assert change.effect == "other"
    assert "(was: have the broker open, to read /srv" in change.text
    assert (less.what, less.effect) == ("total.requests", "narrower")


def test_a_higher_tier_is_wider() -> None:
    first = compare(Policy.for_tier("basic"), ELEVATED)[0]

    assert first.to_dict() == {
        "what": "tier",
        "effect": "wider",
        "text": "tier basic -> elevated",
    }


@given(PATHS, PATHS, PATHS, PATHS)
def test_nothing_differs_unsaid(
    read: tuple[str, ...],
    other_read: tuple[str, ...],
    write: tuple[str, ...],
    other_write: tuple[str, ...],
) -> None:
    before = replace(ELEVATED, read=read, write=write)
    after = replace(ELEVATED, read=other_read, write=other_write)

    changes = compare(before, after)

    assert bool(changes) == (before != after)
    wider = {change.what for change in changes if change.effect == "wider"}
    assert ("read" in wider) == bool(set(other_read) - set(read))
    assert ("write" in wider) == bool(set(other_write) - set(write))
