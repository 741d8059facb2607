"""The indexes' addresses and the store's folder, judged on real folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import Data
from lockgate_marketplace.checks import check_indexes, check_store
from lockgate_marketplace.plugin import diagnose
from tests.support.context import LocalContext


@pytest.mark.parametrize(
    ("table", "state", "said"),
    [
        ({"url": "https://index.example/simple/"}, "ok", "come from index.example"),
        ({"url": "http://index.example/"}, "problem", "without TLS"),
        ({"url": "https://me:secret@index.example/"}, "problem", "a password"),
        ({"url": "http://index.example/", "insecure": True}, "warning", "without TLS"),
        ({"url": "https://index.example/", "unhashed": True}, "warning", "no hashes"),
    ],
)
def test_an_index_is_judged_without_connecting(
    table: dict[str, Data], state: str, said: str
) -> None:
    (check,) = check_indexes({"indexes": {"main": table}})

    assert check.state == state
    assert said in check.message
    assert "main" in check.message
    assert "secret" not in check.message
    assert state == "ok" or check.hint


def test_no_index_is_no_problem() -> None:
    assert [check.state for check in check_indexes({})] == ["ok"]


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
    (check,) = check_indexes({"indexes": {text: {"url": text}}})
    assert check.name == "marketplace.index"
    assert check_store(text).name == "marketplace.store"


def test_doctor_gets_one_line_for_each(tmp_path: Path) -> None:
    context = LocalContext(
        config={"indexes": {"a": {"url": "http://x.example/"}}, "store": 3}
    )

    lines = diagnose(context)

    assert [line["name"] for line in lines] == [
        "marketplace.index",
        "marketplace.store",
    ]
    assert [line["state"] for line in lines] == ["problem", "ok"]
