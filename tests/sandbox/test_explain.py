"""A policy in words: every field is said, and what is said is true of a worker."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from lockgate_sandbox import Device, Limits, PathGrant, Policy, Program, Tier
from lockgate_sandbox.explain import PHRASED, amount, explain, limit_phrase
from tests.support.sandbox import TIERS


@pytest.mark.parametrize("field", [f.name for f in fields(Policy)])
def test_every_field_of_a_policy_has_a_phrase(field: str) -> None:
    assert field in PHRASED


@pytest.mark.parametrize("field", [f.name for f in fields(Limits)])
def test_every_limit_has_a_phrase(field: str) -> None:
    assert field in PHRASED
    asked = {"cpu_share": 0.5, "gpu_memory_bytes": 1 << 30}
    limits = Limits.for_tier("elevated").tightened(asked)
    assert limit_phrase(Policy.for_tier("elevated", limits=limits), field)


def test_what_nobody_asks_for_is_not_spoken_of() -> None:
    assert not limit_phrase(Policy.for_tier("elevated"), "cpu_share")


def test_a_grant_is_said_for_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    gone = tmp_path / "gone"
    policy = Policy.for_tier(
        "elevated",
        read=[str(tmp_path), str(file), str(gone)],
        write=[str(file)],
        programs=[Program("ruff", "/opt/ruff", ("/opt/lib",))],
        env={"LANG": "de", "TOKEN": "secret"},
    )
    told = explain(policy)

    assert told.may[:3] == (
        f"read {tmp_path} and everything below",
        f"read {file}",
        f"read {gone} (which is not there now)",
    )
    assert f"read and change {file}" in told.may
    assert any(line.startswith("run ruff (/opt/ruff)") for line in told.may)
    assert "see the environment variable TOKEN" in told.may
    assert "secret" not in str(told)
    assert "start a program that is not named above" in told.may_not
    assert "64 processes and threads" in told.kept_to


def test_brokered_grants_are_said_without_a_secret() -> None:
    policy = Policy.for_tier(
        "admin",
        hosts=["https://a.example/ bearer=TOKEN"],
        files=[PathGrant("/srv", write=True)],
        devices=[Device("radio", "/dev/ttyUSB0")],
        secrets=["KEY"],
        tools=[Program("gcc", "/usr/bin/gcc")],
    )
    told = str(explain(policy))

    for part in (
        "reach, through the broker, https://a.example:443 with Authorization from",
        "have the broker open, to read and change /srv, and all below it",
        "use, through the broker, the device radio (/dev/ttyUSB0)",
        "know the secret KEY",
        "have the host run gcc (/usr/bin/gcc), in its own sandbox",
        "open a socket itself",
        "256 MiB and 10,000 requests to all hosts together",
    ):
        assert part in told
    assert "no network" not in told


def test_the_lowest_tier_may_do_next_to_nothing() -> None:
    told = explain(Policy.for_tier("read-only"))

    assert len(told.may) == 2
    assert "write, create, rename or delete any file" in told.may_not
    assert "start a program or a process" in told.may_not
    assert not any("scratch" in line for line in (*told.may, *told.kept_to))
    assert str(told).startswith("Tier read-only.\n\nIt may\n  - ")


@pytest.mark.parametrize("tier", TIERS)
def test_the_words_are_data_too(tier: Tier) -> None:
    told = explain(Policy.for_tier(tier))

    data = told.to_dict()

    assert data["tier"] == tier
    assert data["may_not"] == list(told.may_not)


def test_a_tighter_limit_is_the_one_that_is_said() -> None:
    policy = Policy.for_tier("basic")
    limits = policy.limits.tightened({"wall_seconds": 2.5, "memory_bytes": 3 << 20})

    told = explain(replace(policy, limits=limits))

    assert "2.5 s on the clock in one call" in told.ended_at
    assert "3 MiB of memory, shared memory included" in told.ended_at


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("disk_bytes", 0, "0 B"),
        ("disk_bytes", 1_000, "1,000 B"),
        ("disk_bytes", 1536, "1.5 KiB"),
        ("disk_bytes", (1 << 30) + 1, "1,073,741,825 B"),
        ("memory_bytes", 1 << 31, "2 GiB"),
        ("inodes", 4096, "4,096"),
        ("wall_seconds", 0.5, "0.5 s"),
    ],
)
def test_amounts_are_exact(name: str, value: float, text: str) -> None:
    assert amount(name, value) == text
