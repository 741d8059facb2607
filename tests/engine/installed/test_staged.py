"""Releases that wait for consent: written whole, and waiting only while they may."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.installed import InstalledError, Staged, _staged
from tests.support.stores import Kept


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "data")


def staged(kept: Kept, version: str, *asks: str) -> Staged:
    entry = kept.entry(kept.wheel("acme", version))
    now = kept.store.read().get("acme")
    before = now.wheels[0].sha256 if now is not None else ""
    return Staged(entry, before, asks, "main", "2026-01-01T00:00:00Z")


def stage(kept: Kept, *new: Staged, without: tuple[str, ...] = ()) -> None:
    with kept.store.locked():
        kept.store.stage(*new, without=without)


def test_what_was_staged_is_read_again(kept: Kept) -> None:
    kept.install("acme")
    assert kept.store.staged() == ()
    first = staged(kept, "1.1", "net:example.org", "write:~/out")
    stage(kept, first)
    assert kept.store.staged() == (first,)

    second = staged(kept, "1.2")
    stage(kept, second)
    assert kept.store.staged() == (second,)
    stage(kept, without=("acme",))
    assert kept.store.staged() == ()


def test_a_release_waits_only_beside_the_one_that_it_was_to_follow(kept: Kept) -> None:
    kept.install("acme")
    stage(kept, staged(kept, "1.1", "net:example.org"))

    kept.install("acme", "2.0")
    assert kept.store.staged() == ()
    with kept.store.locked():
        kept.store.switch(1)
    assert [one.entry.version for one in kept.store.staged()] == ["1.1"]
    with kept.store.locked():
        kept.store.commit(kept.store.read().without("acme"), "uninstall acme")
    assert kept.store.staged() == ()


def test_a_file_that_nobody_understands_is_refused_and_then_written_anew(
    kept: Kept,
) -> None:
    kept.install("acme")
    Path(kept.store.staged_file).write_text('{"schema": 1, "staged": {"a": 3}}')
    with pytest.raises(InstalledError, match="a is no table"):
        kept.store.staged()

    one = staged(kept, "1.1")
    stage(kept, one)

    assert kept.store.staged() == (one,)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with suppress(InstalledError):
        assert _staged.parse(raw, file="staged.json") == ()
