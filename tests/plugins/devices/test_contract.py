"""What a contract must be before anything runs on its word."""

from __future__ import annotations

import copy
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_devices.contract import STEP_LIMIT, check_contract
from lockgate_devices.simulation import ContractError, simulate_virtual
from tests.support.devices import contract, tree, with_tools


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good contract with one place replaced; `path` is dotted."""
    document = copy.deepcopy(contract())
    place: Any = document
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if part.isdigit() and isinstance(place, list) else part]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def test_the_good_contract_has_nothing_wrong() -> None:
    assert check_contract(contract()) == ()


WRONG: list[tuple[str, Any, str, str]] = [
    ("schema", 2, "schema", "one of 1, is 2"),
    ("schema", True, "schema", "one of 1, is True"),
    ("board", [], "board", "must be an object"),
    ("board.pins", {1: {}}, "board.pins", "must be an object of at most"),
    ("board.pins.13", True, "board.pins.13", "must be an object of facts"),
    ("platform", [], "platform", "one line of text"),
    ("serial.port", {}, "serial.port", "one of 'uart', 'usb'"),
    ("board.f_cpu", "16", "board.f_cpu", "whole number"),
    ("serial", None, "serial", "must be an object"),
    ("serial.baud", 0, "serial.baud", "from 50 to"),
    ("artifacts", "x", "artifacts", "must be an object"),
    ("artifacts.sdk", 5, "artifacts.sdk", "one line of text"),
    ("scenario", {}, "scenario", "must be a list"),
    ("scenario", [{}] * (STEP_LIMIT + 1), "scenario", "steps, at most"),
    ("scenario.0", "run", "scenario[0]", "must be an object"),
    ("scenario.0", {"do": "exec"}, "scenario[0].do", "one of 'run'"),
    ("scenario.0", {"do": ["run"]}, "scenario[0].do", "one of 'run'"),
    ("scenario.0", {"do": "run"}, "scenario[0].ms", "is missing"),
    ("scenario.0.ms", -1, "scenario[0].ms", "from 0 to 600000"),
    ("scenario.0.ms", 1.5, "scenario[0].ms", "whole number"),
    ("scenario.1.pin", "99", "scenario[1].pin", "the board has no pin '99'"),
    ("scenario.1.mode", "magic", "scenario[1].mode", "one of 'output'"),
    ("scenario.4.level", 2, "scenario[4].level", "one of 0, 1"),
    ("scenario.6.method", "__init__", "scenario[6].method", "public method"),
    ("scenario.6.method", "a.b", "scenario[6].method", "public method"),
    ("scenario.6.args", "xy", "scenario[6].args", "a list"),
    ("scenario.6.args", [[1]], "scenario[6].args", "plain values"),
    ("scenario.6.send", "a\nb", "scenario[6].send", "one line"),
    ("scenario.22.value", 2_000, "scenario[22].value", "more than `max`"),
]


@pytest.mark.parametrize(("path", "value", "where", "words"), WRONG)
def test_a_wrong_place_is_named(path: str, value: Any, where: str, words: str) -> None:
    reasons = check_contract(changed(path, value))

    assert [reason.where for reason in reasons] == [where]
    assert words in reasons[0].message
    assert reasons[0].code == "contract-invalid"


def test_a_scenario_that_takes_too_long_is_refused() -> None:
    steps = [{"do": "run", "ms": 400_000}, {"do": "run", "ms": 400_000}]

    (reason,) = check_contract(contract(scenario=steps))

    assert reason.where == "scenario"
    assert "800000 ms" in reason.message


def test_windows_at_the_same_time_count_once() -> None:
    window = {"do": "edges", "pin": "13", "within_ms": 400_000}

    assert (
        check_contract(contract(scenario=[window, {**window, "same_window": True}]))
        == ()
    )


def test_every_reason_is_listed_within_a_bound() -> None:
    steps = [{"do": "level", "pin": "nope", "level": 7}] * 100

    assert len(check_contract(contract(scenario=steps))) == 50


def test_a_refused_contract_runs_nothing() -> None:
    with pytest.raises(ContractError) as caught:
        simulate_virtual(tree(), contract(schema=9), with_tools())

    assert [reason.where for reason in caught.value.reasons] == ["schema"]


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_DATA = st.recursive(
    _PLAIN | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_DATA)
@settings(max_examples=150)
def test_no_document_makes_the_check_fail_itself(document: Any) -> None:
    whole: dict[str, Any] = {"schema": 1, "board": document}
    if isinstance(document, dict):
        whole = cast("dict[str, Any]", document)

    for reason in check_contract(whole):
        assert reason.where
        assert reason.message


_PLACES = [
    "board", "board.pins", "board.pins.13", "board.pins.13.output", "board.f_cpu",
    "board.id", "board.name", "serial", "serial.baud", "serial.port", "artifacts",
    "artifacts.micropython", "artifacts.sdk", "platform", "scenario",
    *(f"scenario.{i}" for i in range(8)), "scenario.0.ms", "scenario.1.mode",
    "scenario.5.period_ms", "scenario.5.tolerance_ms", "scenario.6.args",
    "scenario.6.result", "scenario.6.reply", "scenario.7.reply",
]  # fmt: skip


@given(st.sampled_from(_PLACES), _DATA)
@settings(max_examples=60, deadline=None)
def test_a_contract_with_one_foreign_place_is_refused_or_judged(
    path: str, value: Any
) -> None:
    """Never an internal error: reasons, or verdicts, or a refusal of the tree."""
    document = changed(path, value)
    if isinstance(document["scenario"], list):
        del document["scenario"][9:]
    try:
        simulation = simulate_virtual(tree(), document, with_tools(), cpu_seconds=3.0)
    except ContractError as error:
        assert error.reasons  # noqa: PT017 - a refusal is one of the good ends
        return
    if simulation is not None:
        assert simulation.stopped not in ("remote-error", "answer-invalid")
        assert simulation.passed == all(v.passed for v in simulation.verdicts)
