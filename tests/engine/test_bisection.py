"""Delta debugging: what it finds still fails, and nothing of it can be left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate._bisection import smallest_failing

NAMES = [f"p{number}" for number in range(40)]


def test_one_culprit_among_many_takes_few_trials() -> None:
    trials: list[tuple[str, ...]] = []

    def fails(only: tuple[str, ...]) -> bool:
        trials.append(only)
        return "p17" in only

    assert smallest_failing(NAMES, fails) == ("p17",)
    assert len(trials) < 20
    assert len(set(trials)) == len(trials)


def test_two_that_only_fail_together() -> None:
    both = {"p3", "p38"}

    assert smallest_failing(NAMES, lambda only: both <= set(only)) == ("p3", "p38")


def test_a_failure_without_any_part_blames_nobody() -> None:
    def fails(only: tuple[str, ...]) -> bool:
        return len(only) >= 0

    assert smallest_failing(NAMES, fails) == ()
    assert smallest_failing([], fails) == ()


@given(
    st.sets(st.integers(0, 11), min_size=1, max_size=5),
    st.lists(st.sets(st.integers(0, 11), min_size=1, max_size=3), max_size=3),
)
def test_what_is_found_fails_and_is_minimal(
    culprits: set[int], excuses: list[set[int]]
) -> None:
    """Also where a trial says nothing because something it needs is missing."""
    names = NAMES[:12]
    wanted = {names[i] for i in culprits}
    needed = [{names[i] for i in one} for one in excuses]

    def fails(only: tuple[str, ...]) -> bool:
        given = set(only)
        return wanted <= given and all(one & given for one in needed)

    found = smallest_failing(names, fails)

    assert fails(found)
    assert not any(fails(tuple(o for o in found if o != one)) for one in found)
