"""The gate's page has a section for each rule, and its examples are true."""

from __future__ import annotations

import pytest

from lockgate_sandbox.source import RULES, scan_source
from tests.meta import source_gate_page
from tests.meta.source_gate_page import EXAMPLES

_HEAD = (
    "import atexit, base64, builtins, ctypes, gc, importlib, importlib.util, os; "
    "import subprocess, sys, types; "
)


def test_the_page_is_the_one_that_the_registry_makes() -> None:
    assert source_gate_page.PAGE.read_text("utf-8") == source_gate_page.render(), (
        "run `python -m tests.meta.source_gate_page`"
    )


def test_each_rule_has_an_example_or_says_that_a_line_cannot_show_it() -> None:
    assert EXAMPLES.keys() == RULES.keys()


@pytest.mark.parametrize("rule", [name for name, text in EXAMPLES.items() if text])
def test_an_example_sets_its_rule_off(rule: str) -> None:
    assert rule in {finding.rule for finding in scan_source(_HEAD + EXAMPLES[rule])}
