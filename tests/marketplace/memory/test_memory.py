"""A page that contradicts an earlier one stops, until the owner accepts it."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.errors import FreshnessError
from lockgate_marketplace.memory import Forgetful, LocalMemory
from lockgate_marketplace.memory._record import Record
from lockgate_marketplace.simple import IndexFile, ProjectPage
from lockgate_marketplace.wheel import WheelName

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> LocalMemory:
    return LocalMemory(tmp_path / "seen", now=clock)


def file(version: str, *, tag: str = "py3", **how: Any) -> IndexFile:
    filename = f"echo-{version}-{tag}-none-any.whl"
    url = f"https://index.example/{filename}"
    given: dict[str, Any] = {"sha256": "ab" * 32, **how}
    return IndexFile(filename, WheelName.parse(filename), url, **given)


def page(*files: IndexFile, **how: Any) -> ProjectPage:
    return ProjectPage("echo", "main", "1.4", files=files, **how)


def refused(code: str) -> Any:
    return pytest.raises(FreshnessError, check=lambda error: error.code == code)


def test_the_same_page_and_a_newer_one_are_taken(
    memory: LocalMemory, clock: Clock
) -> None:
    memory.observe(page(file("1.0")))
    clock.now += timedelta(days=30)
    seen = memory.observe(page(file("1.0"), file("1.1")))

    assert seen.first_seen == {
        "echo-1.0-py3-none-any.whl": NOW,
        "echo-1.1-py3-none-any.whl": clock.now,
    }


CONTRADICTIONS: dict[str, tuple[ProjectPage, ProjectPage]] = {
    "freshness-hash-changed": (page(file("1.0")), page(file("1.0", sha256="cd" * 32))),
    "freshness-version-vanished": (page(file("1.0"), file("1.1")), page(file("1.0"))),
    "freshness-late-file": (
        page(file("1.0")),
        page(file("1.0"), file("1.0", tag="py2")),
    ),
    "freshness-status-back": (
        page(file("1.0"), status="quarantined"),
        page(file("1.0")),
    ),
    "freshness-serial-gone": (page(file("1.0"), serial=9), page(file("1.0"))),
    "freshness-serial-back": (page(file("1.0"), serial=9), page(file("1.0"), serial=8)),
}


@pytest.mark.parametrize("code", CONTRADICTIONS)
def test_a_contradiction_stops_until_it_is_accepted(
    code: str, memory: LocalMemory, clock: Clock
) -> None:
    before, after = CONTRADICTIONS[code]
    memory.observe(before)
    clock.now += timedelta(days=20)

    with refused(code):
        memory.observe(after)
    with refused(code) as caught:  # what was refused is not remembered
        memory.observe(after)
    assert caught.value.where == "main/echo"
    assert caught.value.hint

    assert [change.code for change in memory.accept(after)] == [code]
    memory.observe(after)
    assert memory.accept(after) == ()


@pytest.mark.parametrize("code", CONTRADICTIONS)
def test_without_a_memory_each_contradiction_is_taken(code: str) -> None:
    before, after = CONTRADICTIONS[code]
    Forgetful().observe(before)

    assert Forgetful().observe(after).page == after


def test_a_young_release_gets_more_files(memory: LocalMemory, clock: Clock) -> None:
    memory.observe(page(file("1.0", upload_time=NOW)))
    clock.now += timedelta(days=13)

    memory.observe(page(file("1.0", upload_time=NOW), file("1.0", tag="py2")))


def test_a_release_is_as_old_as_the_index_said(memory: LocalMemory) -> None:
    old = file("1.0", upload_time=NOW - timedelta(days=400))
    memory.observe(page(old))

    with refused("freshness-late-file"):
        memory.observe(page(old, file("1.0", tag="py2", upload_time=NOW)))


def test_an_accepted_loss_stays_lost_and_a_swap_still_shows(
    memory: LocalMemory,
) -> None:
    """A version that comes back must be the file that it was."""
    both, one = page(file("1.0"), file("1.1")), page(file("1.0"))
    memory.observe(both)
    memory.accept(one)
    memory.observe(one)

    with refused("freshness-hash-changed"):
        memory.observe(page(file("1.0"), file("1.1", sha256="cd" * 32)))
    memory.observe(both)


def test_a_version_without_wheels_but_listed_has_not_vanished(
    memory: LocalMemory,
) -> None:
    memory.observe(page(file("1.0"), file("1.1")))

    memory.observe(page(file("1.0"), versions=("1.0", "1.1", "no version")))


def test_the_first_hash_of_an_unhashed_file_is_pinned(memory: LocalMemory) -> None:
    plain = page(file("1.0", sha256=""))
    name = plain.files[0].filename
    assert memory.observe(plain).page.files[0].sha256 == ""

    memory.pin("main", "echo", name, "ab" * 32, 10)

    assert memory.observe(plain).page.files[0].sha256 == "ab" * 32
    memory.pin("main", "echo", name, "ab" * 32, 10)
    with refused("freshness-hash-changed"):
        memory.pin("main", "echo", name, "cd" * 32, 10)
    with refused("freshness-hash-changed"):
        memory.observe(page(file("1.0", sha256="cd" * 32)))


def test_a_pin_before_the_first_page_holds(memory: LocalMemory) -> None:
    name = file("1.0").filename
    memory.pin("main", "echo", name, "ab" * 32, 10)

    assert (
        memory.observe(page(file("1.0", sha256=""))).page.files[0].sha256 == "ab" * 32
    )


def test_what_is_forgotten_is_new_again(memory: LocalMemory) -> None:
    memory.observe(page(file("1.0")))
    memory.forget("main", "echo")

    memory.observe(page(file("1.0", sha256="cd" * 32)))


# The files


def test_the_files_are_their_owners(memory: LocalMemory, tmp_path: Path) -> None:
    memory.observe(page(file("1.0")))

    kept = tmp_path / "seen" / "main" / "echo.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in kept.parent.iterdir()} == {"echo.json", ".lock"}


def test_what_others_may_write_is_not_believed(
    memory: LocalMemory, tmp_path: Path
) -> None:
    memory.observe(page(file("1.0")))
    kept = tmp_path / "seen" / "main" / "echo.json"
    kept.chmod(0o666)
    with refused("freshness-not-owned"):
        memory.observe(page(file("1.0")))
    kept.chmod(0o600)
    kept.parent.chmod(0o777)
    with refused("freshness-not-owned"):
        memory.observe(page(file("1.0")))


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b'{"format": 2}', b"\xff"])
def test_a_damaged_memory_stops(
    raw: bytes, memory: LocalMemory, tmp_path: Path
) -> None:
    memory.observe(page(file("1.0")))
    (tmp_path / "seen" / "main" / "echo.json").write_bytes(raw)

    with refused("freshness-unreadable"):
        memory.observe(page(file("1.0")))


def test_a_memory_that_cannot_be_kept_stops(tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("no folder")

    with refused("freshness-unreadable"):
        LocalMemory(tmp_path / "seen").observe(page(file("1.0")))


def _observe(folder: str, minor: int) -> None:
    memory = LocalMemory(Path(folder))
    for patch in range(20):
        memory.pin(
            "main", "echo", f"echo-{minor}.{patch}-py3-none-any.whl", "ab" * 32, 1
        )


def test_processes_do_not_overwrite_each_other(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(
        target=_observe, args=(str(tmp_path / "seen"), 1)
    )
    other.start()
    _observe(str(tmp_path / "seen"), 2)
    other.join()

    assert other.exitcode == 0
    kept = Record.from_json((tmp_path / "seen" / "main" / "echo.json").read_bytes())
    assert len(kept.files) == 40


MOMENTS = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["ab", "cd", ""]))),
    MOMENTS,
    st.none() | st.integers(0, 99),
)
def test_a_record_survives_its_file(
    files: list[tuple[int, str]], when: datetime, serial: int | None
) -> None:
    found = {
        f"1.{n}": file(f"1.{n}", sha256=h * 32, upload_time=when) for n, h in files
    }
    record = Record().with_page(page(*found.values(), serial=serial), when)

    assert Record.from_json(record.to_json()) == record
    again = record.with_page(replace(page(), serial=serial), when)
    assert again.files == record.files


@given(st.binary(max_size=200))
def test_any_bytes_are_no_record_by_chance(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        Record.from_json(raw)
