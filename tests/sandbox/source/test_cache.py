"""Findings by the hash of what they were found in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.source import (
    ScanCache,
    ScanLimits,
    scan_source,
    scan_tree,
)

VERSION = "lockgate_sandbox.source._registry.rules_version"
SOURCE = "eval('1')\nimport socket"


def test_the_same_bytes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ScanCache()
    first = scan_source(SOURCE, "a.py", cache=cache)
    monkeypatch.setattr("lockgate_sandbox.source.scan.judge", None)

    assert scan_source(SOURCE, "a.py", cache=cache) == first
    assert len(cache) == 1


def test_a_finding_carries_the_path_it_was_asked_for() -> None:
    cache = ScanCache()
    scan_source(SOURCE, "a.py", cache=cache)

    assert {f.path for f in scan_source(SOURCE, "b.py", cache=cache)} == {"b.py"}
    assert len(cache) == 1


def test_other_limits_and_other_kinds_are_other_answers() -> None:
    cache = ScanCache()
    scan_source("import os", "a.py", cache=cache)
    few = ScanLimits(findings=1)

    assert scan_source("import os", "a.pth", cache=cache)[0].rule == "pth-code"
    assert len(scan_source(SOURCE, "a.py", cache=cache, limits=few)) == 2


def test_a_file_keeps_it_from_one_process_to_the_next(tmp_path: Path) -> None:
    file = tmp_path / "scan.cache"
    cache = ScanCache(file)
    tree = {"a.py": SOURCE.encode(), "b.py": b"x = 1"}
    first = scan_tree(tree, cache=cache)
    cache.save()

    again = ScanCache(file)

    assert len(again) == 2
    assert scan_tree(tree, cache=again) == first
    assert [path.name for path in tmp_path.iterdir()] == ["scan.cache"]


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path) -> None:
    file = tmp_path / "scan.cache"
    cache = ScanCache(file)
    scan_source(SOURCE, cache=cache)
    cache.save()
    whole = file.read_bytes()

    for damaged in (b"", whole[:-1], whole[: len(whole) // 2], b"\xff" + whole, b"{}"):
        file.write_bytes(damaged)
        assert len(ScanCache(file)) == 0
    file.write_bytes(whole.replace(b"error", b"error".upper()))
    again = ScanCache(file)
    assert scan_source(SOURCE, cache=again) == scan_source(SOURCE)
    again.save()


@given(st.binary(max_size=200))
def test_any_bytes_are_a_file(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    file = tmp_path_factory.mktemp("cache") / "scan.cache"
    file.write_bytes(raw)

    assert len(ScanCache(file)) == 0


def test_a_file_of_other_rules_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "scan.cache"
    cache = ScanCache(file)
    scan_source(SOURCE, cache=cache)
    cache.save()
    monkeypatch.setattr(VERSION, lambda: "other")

    assert len(ScanCache(file)) == 0


def test_a_write_that_fails_leaves_the_last_good_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "scan.cache"
    cache = ScanCache(file)
    scan_source(SOURCE, cache=cache)
    cache.save()
    before = file.read_bytes()
    scan_source("x = 1", cache=cache)

    def full(_: int) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        cache.save()

    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["scan.cache"]
