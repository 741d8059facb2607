"""The indexes' addresses, judged without connecting to any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import Data
from lockgate_marketplace.checks import check_indexes, check_levels
from lockgate_marketplace.levels import CHECKS, Levels
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


@given(st.text(max_size=60))
def test_no_text_breaks_the_check(text: str) -> None:
    (check,) = check_indexes({"indexes": {text: {"url": text}}})
    assert check.name == "marketplace.index"


def test_doctor_gets_one_line_for_each() -> None:
    context = LocalContext(config={"indexes": {"a": {"url": "http://x.example/"}}})

    lines = diagnose(context)

    assert [line["name"] for line in lines] == ["marketplace.index"]
    assert [line["state"] for line in lines] == ["problem"]


@pytest.mark.parametrize(
    ("table", "state", "said"),
    [
        ({"load": "off"}, "warning", "does not load"),
        ({"cooldown": "note", "proof": "note"}, "warning", "only just now"),
        ({"opaque": "note", "load": "required"}, "warning", "can't be read"),
        ({"gate": "off"}, "problem", "no check of this name"),
        ({"load": "perhaps"}, "problem", "no level"),
        ("all", "problem", "a table"),
    ],
)
def test_a_weakened_check_is_told(table: Data, state: str, said: str) -> None:
    (check,) = check_levels({"checks": table})

    assert check.state == state
    assert said in check.message


def test_every_check_stops_unless_it_is_said_otherwise() -> None:
    assert check_levels({}) == ()
    begin = {check: Levels().of(check) for check in CHECKS}
    assert begin.pop("proof") == "off"
    assert set(begin.values()) == {"stop"}
    held = Levels({"load": "required", "opaque": "required"})
    assert held.without("load").noting("opaque") == held
    loose = Levels().without("load").noting("opaque")
    assert not loose.made("load")
    assert loose.made("opaque")
    assert not loose.stops("opaque")
