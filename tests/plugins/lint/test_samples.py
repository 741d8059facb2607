"""Every rule, shown by a sample file: what is found is what stands on the lines."""

from __future__ import annotations

import json

import pytest

from lockgate.values import Tree
from lockgate_lint.linter import analyze_tree
from lockgate_lint.rules import RULES
from tests.plugins.lint.samples import (
    SAMPLES,
    expected,
    found,
    names,
    read,
    tree_of,
)
from tests.support.context import LocalContext

_PATHS = {"mpy-cross": "micropython/{}", "ruff": "{}", "cppcheck": "{}"}
_CODE = [(folder, name) for folder in _PATHS for name in names(folder)]
_PINS = sorted(path.name for path in (SAMPLES / "pins").iterdir())

# What needs a missing tool or odd bytes has tests of its own (test_linter).
_ELSEWHERE = {"tool-unavailable", "tool-failed", "file-unreadable"}


def _code_sample(folder: str, name: str) -> tuple[str, str]:
    path = _PATHS[folder].format(name)
    if name.startswith("micropython-"):
        path = f"micropython/{name.removeprefix('micropython-')}"
    return path, read(SAMPLES / folder / f"{name}.txt")


@pytest.mark.parametrize(("folder", "name"), _CODE)
def test_the_findings_stand_where_the_sample_expects_them(
    context: LocalContext, folder: str, name: str
) -> None:
    path, text = _code_sample(folder, name)

    report = analyze_tree(Tree.of({path: text}), {}, context)

    assert report is not None
    assert found(report.findings) == expected(path, text)


@pytest.mark.parametrize("name", _PINS)
def test_the_pin_findings_stand_where_the_sample_expects_them(
    context: LocalContext, name: str
) -> None:
    tree = tree_of(SAMPLES / "pins" / name)
    contract = json.loads(tree["contract.json"].text)

    report = analyze_tree(tree, contract, context)

    assert report is not None
    pins = tuple(f for f in report.findings if f.tool == "pins")
    wanted = {row for file in tree for row in expected(file.path, file.text)}
    assert found(pins) == wanted


def test_every_rule_has_a_sample() -> None:
    shown = set[str]()
    for folder, name in _CODE:
        shown |= {rule for _, _, rule in expected(*_code_sample(folder, name))}
    for name in _PINS:
        for file in tree_of(SAMPLES / "pins" / name):
            shown |= {rule for _, _, rule in expected(file.path, file.text)}

    assert set(RULES) - shown == _ELSEWHERE


@pytest.mark.parametrize(("folder", "name"), _CODE)
def test_a_finding_has_the_severity_and_the_hint_of_its_rule(
    context: LocalContext, folder: str, name: str
) -> None:
    path, text = _code_sample(folder, name)
    report = analyze_tree(Tree.of({path: text}), {}, context)

    assert report is not None
    for finding in report.findings:
        if finding.rule in RULES:
            rule = RULES[finding.rule]
            assert (finding.severity, finding.hint) == (rule.severity, rule.hint)
            assert finding.tool == rule.tool
