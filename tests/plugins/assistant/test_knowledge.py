"""Whatever can be refused or found can be explained."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lockgate_firmware
import lockgate_format
from lockgate_assistant.knowledge import entries, look_up
from lockgate_assistant.mend_pins import PIN_MENDERS
from lockgate_assistant.mend_values import VALUE_MENDERS
from lockgate_lint.rules import RULES


def _texts(node: ast.expr) -> list[str]:
    """The texts that an argument can be: a literal, or either side of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    return []


def _firmware_codes() -> set[str]:
    """Every code that the firmware plugin's sources hand to ``refuse``.

    A code may also travel as an argument (``unknown-protocol``): those look like
    codes and stand in a call too.
    """
    found: set[str] = set()
    for path in Path(str(lockgate_firmware.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if name == "refuse":
                found.update(_texts(node.args[0]))
            for argument in node.args:
                found |= {t for t in _texts(argument) if t.startswith("unknown-")}
    return found


def _format_codes() -> set[str]:
    found: set[str] = set()
    for path in Path(str(lockgate_format.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            is_reason = isinstance(node, ast.Call) and (
                isinstance(node.func, ast.Name) and node.func.id == "Reason"
            )
            if is_reason and isinstance(node, ast.Call):
                found.update(_texts(node.args[0]))
    return found


_FIRMWARE = sorted(_firmware_codes())


def test_the_firmware_has_codes_to_explain() -> None:
    assert {"duplicate-pin", "pin-no-pull-up", "unknown-platform"} <= set(_FIRMWARE)
    assert len(_FIRMWARE) >= 25


@pytest.mark.parametrize("code", _FIRMWARE)
def test_each_reason_of_the_firmware_is_explained(code: str) -> None:
    assert look_up(code) is not None


@pytest.mark.parametrize("code", sorted(_format_codes()))
def test_each_reason_of_the_formatter_is_explained(code: str) -> None:
    assert look_up(code) is not None


@pytest.mark.parametrize("rule", sorted(RULES))
def test_each_lint_rule_is_explained(rule: str) -> None:
    assert look_up(rule) is not None


def test_nothing_is_explained_that_does_not_exist() -> None:
    known = set(_FIRMWARE) | set(RULES) | _format_codes()

    assert set(entries()) - known == set()


def test_each_entry_is_three_sentences() -> None:
    for entry in entries().values():
        for words in (entry.what, entry.why, entry.fix):
            assert words.endswith("."), entry
            assert len(words.split()) > 1, entry


def test_a_mender_mends_only_what_exists() -> None:
    menders = set(PIN_MENDERS) | set(VALUE_MENDERS)

    assert menders - set(_FIRMWARE) - set(RULES) == set()
