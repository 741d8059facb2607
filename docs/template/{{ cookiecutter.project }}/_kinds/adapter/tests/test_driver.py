"""The driver alone: a host calls it in the worker of a foreign plugin."""

from __future__ import annotations

from lockgate.plugin import Finding, ForeignEntry, Tree

from {{ cookiecutter.package }}.driver import Checks, adapt


def test_what_checks_say_are_findings() -> None:
    checks = Checks({"short": lambda text: ["too short"] if len(text) < 3 else []})
    report = checks.analyze(Tree.of({"a.txt": "x", "b.txt": "long"}))

    assert report.findings == (Finding("a.txt", "short", "warning", "too short"),)


def test_functions_are_loaded_by_their_entry_points() -> None:
    entry = ForeignEntry("any.checks", "words", "builtins:str.split", "any")
    report = adapt((entry,)).analyze(Tree.of({"a.txt": "one two"}))

    assert [finding.message for finding in report.findings] == ["one", "two"]
