"""The index's address and the store's folder, judged on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.checks import check_index, check_store
from lockgate_marketplace.plugin import diagnose
from tests.support.context import LocalContext


@pytest.mark.parametrize(
    "url",
    ["", "https://index.example/simple/", "http://localhost:8080/", "http://[::1]/x"],
)
def test_a_sound_index_is_ok(url: str) -> None:
    assert check_index(url).state == "ok"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("index.example", "no web address"),
        ("file:///etc/passwd", "no web address"),
        ("https:///simple", "no web address"),
        ("http://index.example/", "without TLS"),
        ("http://localhost.evil.example/", "without TLS"),
        ("https://me:secret@index.example/", "carries a password"),
        ("https://index.example/?a=1", "query"),
        ("https://index.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
    ],
)
def test_an_unsound_index_is_a_problem_with_a_way_out(url: str, said: str) -> None:
    check = check_index(url)

    assert check.state == "problem"
    assert said in check.message
    assert check.hint
    assert "secret" not in check.message


def test_a_store_of_our_own_is_ok(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o700)

    assert check_store(str(tmp_path / "store")).state == "ok"


def test_a_store_that_others_can_write_is_a_problem(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    store.chmod(0o777)

    check = check_store(str(store))

    assert check.state == "problem"
    assert str(store) in check.message


def test_a_store_below_a_folder_that_others_can_write_is_a_problem(
    tmp_path: Path,
) -> None:
    (tmp_path / "open" / "store").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)

    assert "open" in check_store(str(tmp_path / "open" / "store")).message


def test_a_missing_store_is_a_warning_that_says_how_to_make_it(tmp_path: Path) -> None:
    check = check_store(str(tmp_path / "none"))

    assert check.state == "warning"
    assert check.hint.startswith("mkdir")


@pytest.mark.parametrize("folder", ["store", "../store", "\0"])
def test_a_store_that_is_no_absolute_path_is_a_problem(folder: str) -> None:
    assert check_store(folder).state == "problem"


def test_a_file_or_a_link_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)

    assert check_store(str(tmp_path / "file")).state == "problem"
    assert check_store(str(tmp_path / "link")).state == "problem"


@given(st.text(max_size=60))
def test_no_text_breaks_either_check(text: str) -> None:
    assert check_index(text).name == "marketplace.index"
    assert check_store(text).name == "marketplace.store"


def test_doctor_gets_one_line_for_each(tmp_path: Path) -> None:
    context = LocalContext(config={"index": "http://x.example/", "store": 3})

    lines = diagnose(context)

    assert [line["name"] for line in lines] == [
        "marketplace.index",
        "marketplace.store",
    ]
    assert [line["state"] for line in lines] == ["problem", "ok"]
