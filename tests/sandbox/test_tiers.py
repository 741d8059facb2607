"""Tiers are ordered; limits only ever get tighter."""

from __future__ import annotations

from dataclasses import asdict, fields
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.tiers import OPTIONAL, Limits, Tier

SEALED = [tier for tier in Tier if tier is not Tier.SYSTEM]


def test_the_order_is_that_of_trust_not_of_the_alphabet() -> None:
    assert sorted(Tier) == [
        Tier.READ_ONLY,
        Tier.BASIC,
        Tier.ELEVATED,
        Tier.ADMIN,
        Tier.SYSTEM,
    ]
    assert Tier.READ_ONLY < Tier.BASIC <= Tier.BASIC < "admin"
    assert Tier.SYSTEM > Tier.ADMIN >= Tier.ADMIN


def test_a_name_that_is_no_tier_is_told_with_those_that_are() -> None:
    with pytest.raises(PolicyError, match="no such tier: 'basik'") as refused:
        Tier("basik")

    assert refused.value.hint == "known: read-only, basic, elevated, admin, system"


def test_only_elevated_and_above_carry_grants() -> None:
    assert [tier for tier in Tier if tier.may_grant] == [
        Tier.ELEVATED,
        Tier.ADMIN,
        Tier.SYSTEM,
    ]
    assert [tier for tier in Tier if not tier.may_write] == [Tier.READ_ONLY]


def test_a_higher_tier_has_no_smaller_limit() -> None:
    for lower, higher in pairwise(SEALED):
        below, above = asdict(Limits.for_tier(lower)), asdict(Limits.for_tier(higher))
        given = [name for name in below if name not in OPTIONAL]
        assert all(below[name] <= above[name] for name in given)
        assert all(above[name] is None for name in OPTIONAL)


def test_a_read_only_worker_has_no_disk_at_all() -> None:
    limits = Limits.for_tier("read-only")

    assert (limits.file_bytes, limits.disk_bytes, limits.inodes) == (0, 0, 0)


def test_the_system_tier_has_no_limits_to_give() -> None:
    with pytest.raises(PolicyError, match="host process"):
        Limits.for_tier(Tier.SYSTEM)


numbers = st.integers(1, 1 << 40)


@given(tier=st.sampled_from(SEALED), data=st.data())
def test_tightening_takes_the_smaller_of_each(tier: Tier, data: st.DataObject) -> None:
    own = Limits.for_tier(tier)
    names = [field.name for field in fields(Limits)]
    asked = data.draw(st.dictionaries(st.sampled_from(names), numbers))

    got = asdict(own.tightened(asked))

    for name, value in asdict(own).items():
        if value is None:
            assert got[name] == asked.get(name)
        else:
            assert got[name] == min(value, asked.get(name, value))


def test_a_limit_that_is_not_there_can_be_added_but_not_taken_away() -> None:
    shared = Limits.for_tier("basic").tightened({"cpu_share": 0.5})

    assert shared.tightened(Limits.for_tier("basic")) == shared
    assert shared.tightened({"cpu_share": 2}).cpu_share == 0.5
    assert shared.tightened({"cpu_share": 0.25}).cpu_share == 0.25


@pytest.mark.parametrize(
    ("tier", "table"),
    [
        ("read-only", (30, 60, 256, 32, 0, 0)),
        ("basic", (30, 60, 256, 32, 64, 4_096)),
        ("elevated", (300, 600, 512, 64, 256, 16_384)),
        ("admin", (600, 1_200, 2_048, 128, 1_024, 65_536)),
    ],
)
def test_the_defaults_are_those_of_the_design(
    tier: str, table: tuple[int, ...]
) -> None:
    limits, mib = Limits.for_tier(tier), 1 << 20

    assert (
        limits.cpu_seconds,
        limits.wall_seconds,
        limits.memory_bytes // mib,
        limits.processes,
        limits.disk_bytes // mib,
        limits.inodes,
    ) == table


def test_a_limit_that_does_not_exist_is_named() -> None:
    with pytest.raises(PolicyError, match="no such limit: memory"):
        Limits.for_tier("basic").tightened({"memory": 1})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cpu_seconds", 0),
        ("cpu_seconds", -1),
        ("wall_seconds", float("nan")),
        ("wall_seconds", float("inf")),
        ("memory_bytes", 0),
        ("processes", 0),
        ("disk_bytes", -1),
        ("cpu_share", 0),
        ("gpu_memory_bytes", 0),
    ],
)
def test_a_limit_that_no_worker_can_live_with_is_refused(
    name: str, value: float
) -> None:
    values: dict[str, Any] = asdict(Limits.for_tier("basic")) | {name: value}

    with pytest.raises(PolicyError, match=name):
        Limits(**values)


def test_half_a_second_is_a_limit() -> None:
    limits = Limits.for_tier("basic").tightened({"wall_seconds": 0.5})

    assert limits.wall_seconds == 0.5
