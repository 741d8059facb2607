"""What plugins said, in files: whole lines, bounded, readable after the fact."""

from __future__ import annotations

import json
import multiprocessing
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._record import logbook
from lockgate._record.logbook import (
    FILE_LIMIT_BYTES,
    FILES_MAXIMUM,
    LINE_LIMIT_BYTES,
    Logbook,
    log_files,
    read_lines,
)
from lockgate.errors import LockgateError
from lockgate.host import LogLine
from lockgate.values import Tree
from tests.support.host_plugins import Site

LOUD = r"""
import os
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options, context):
    if options.get("die"):
        os._exit(3)
    context.log("warning", "careful \x1b[31m", count=3)
    print("one\ntwo")
    return Transformation(tree)
"""


FLOODER = r"""
from contextlib import suppress
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, context):
    with suppress(PermissionError):
        context.run_program("passwd", [])
    for _ in range(FILES * 1024 * 1024 // 4096 + 100):
        context.log("info", "nothing happened " + "." * 4096)
    return Transformation(tree)
""".replace("FILES", str(FILES_MAXIMUM))


def lines_of(state_dir: str, plugin: str) -> list[dict[str, object]]:
    files = log_files(state_dir, plugin)
    found = [line for file in files for line in read_lines(file.read_bytes())]
    return sorted(found, key=lambda line: str(line["at"]))


def test_words_prints_and_deaths_are_there_after_the_host(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("loud", LOUD)
    with site.open() as host:
        host.call("transform", tree=Tree())
        with pytest.raises(Exception, match="status 3"):
            host.call("transform", plugin="loud", tree=Tree(), options={"die": True})

    found = lines_of(site.config.state_dir, "loud")

    said = [(line["source"], line["message"]) for line in found]
    assert said[1:4] == [
        ("log", "careful \x1b[31m"),
        ("print", "one"),
        ("print", "two"),
    ]
    assert [str(m).split()[0] for s, m in said if s == "host"] == ["start", "crash"]
    assert found[1]["fields"] == {"count": 3}
    assert found[1]["level"] == "warning"
    files = log_files(site.config.state_dir, "loud")
    assert [file.name for file in files] == ["loud.host.jsonl", "loud.jsonl"]
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert b"\x1b" not in file.read_bytes()


def test_the_files_are_bounded_and_the_newest_lines_stay(tmp_path: Path) -> None:
    book = Logbook(str(tmp_path))
    for number in range(2500):
        book.said(LogLine("p", "h", "info", f"{number} " + "x" * 3000))

    files = log_files(str(tmp_path), "p")
    found = lines_of(str(tmp_path), "p")

    assert len(files) == FILES_MAXIMUM
    assert all(file.stat().st_size <= FILE_LIMIT_BYTES for file in files)
    numbers = [int(str(line["message"]).split()[0]) for line in found]
    assert numbers == list(range(numbers[0], 2500))


def _write(folder: str, mark: str) -> None:
    book = Logbook(folder)
    for number in range(120):
        book.said(LogLine("p", "h", "info", f"{mark}{number} " + mark * 3000))


def test_lines_of_several_hosts_never_mix(tmp_path: Path) -> None:
    """Also while one of them makes room."""
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=_write, args=(str(tmp_path), mark)) for mark in "ab"
    ]
    for other in others:
        other.start()
    threads = [
        threading.Thread(target=_write, args=(str(tmp_path), mark)) for mark in "cd"
    ]
    for thread in threads:
        thread.start()
    for other in others:
        other.join()
    for thread in threads:
        thread.join()

    raw = b"".join(file.read_bytes() for file in log_files(str(tmp_path), "p"))
    found = list(read_lines(raw))
    assert len(found) == raw.count(b"\n")
    for line in found:
        mark = str(line["message"])[0]
        assert str(line["message"]).endswith(" " + mark * 3000)


def test_a_folder_that_cannot_be_written_fails_no_call(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    Logbook(str(tmp_path / "state")).said(LogLine("p", "h", "info", "x"))


@settings(max_examples=30)
@given(
    st.text(),
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.floats() | st.text() | st.binary(),
            lambda inner: st.lists(inner),
        ),
    ),
    st.integers(1, 30_000),
)
def test_any_line_is_one_line(
    tmp_path_factory: pytest.TempPathFactory,
    message: str,
    fields: dict[str, object],
    times: int,
) -> None:
    folder = tmp_path_factory.mktemp("state")
    line = LogLine("p", "h", "l", message * times, {**fields, "x": "y" * times})  # type: ignore[dict-item]
    Logbook(str(folder)).said(line)

    (file,) = log_files(str(folder), "p")
    raw = file.read_bytes()

    assert raw.count(b"\n") == 1
    assert len(raw) <= LINE_LIMIT_BYTES + 1
    assert json.loads(raw)["plugin"] == "p"


@given(st.binary())
def test_a_damaged_file_reads_as_what_is_whole_in_it(raw: bytes) -> None:
    good = b'{"message": "good"}\n'

    assert list(read_lines(raw.replace(b"{", b"") + b"\n" + good)) == [
        {"message": "good"}
    ]


def test_a_plugin_can_not_flood_away_what_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    site.add("loud", FLOODER)

    def refusals() -> int:
        with site.open() as host, suppress(LockgateError):
            host.call("transform", tree=Tree())
        found = lines_of(site.config.state_dir, "loud")
        assert sum("nothing happened" in str(line["message"]) for line in found) > 500
        return sum("refuse" in str(line["message"]) for line in found)

    assert refusals() == 1
    monkeypatch.setattr(logbook, "HOST", "")  # all in one file, as it was
    for file in log_files(site.config.state_dir):
        file.unlink()
    assert refusals() == 0
