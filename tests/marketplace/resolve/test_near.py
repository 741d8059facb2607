"""Names like another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.resolve._near import near_name

KNOWN = ("requests", "lockgate-firmware", "six", "numpy")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("reqeusts", "requests"),
        ("request", "requests"),
        ("requests2", "requests"),
        ("requ3sts", "requests"),
        ("num-py", "numpy"),
        ("lockgatefirmware", "lockgate-firmware"),
        ("l0ckgate-firmware", "lockgate-firmware"),
        ("lockgate-frimwear", ""),
        ("lockgate-fimwares", "lockgate-firmware"),
        ("Requests", ""),
        ("sxi", ""),
        ("pandas", ""),
        ("request-ids", ""),
    ],
)
def test_slips_are_seen_and_other_names_left_alone(name: str, near: str) -> None:
    assert near_name(name, KNOWN) == near


@given(st.text("abcde", min_size=4, max_size=12), st.data())
def test_a_swap_of_neighbours_is_near(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]

    assert near_name(swapped, [name]) == ("" if swapped == name else name)
