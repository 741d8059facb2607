"""The reference pages say what the code does: made from it, or compared with it."""

from __future__ import annotations

import re

import pytest

from lockgate._manifest.fields import LIMIT_NAMES
from lockgate._manifest.form import known_keys
from lockgate.cli._verbs import VERBS
from lockgate.config import default_config
from lockgate.discovery._state import StateName
from tests.meta import checks_page, hooks_page
from tests.meta.workspace import ROOT

REFERENCE = ROOT / "docs" / "reference"
MANIFEST = (REFERENCE / "manifest.md").read_text("utf-8")
SETTINGS = (REFERENCE / "configuration.md").read_text("utf-8")
CLI = (REFERENCE / "cli.md").read_text("utf-8")


def test_the_hooks_page_is_the_one_that_the_code_makes() -> None:
    assert hooks_page.PAGE.read_text("utf-8") == hooks_page.render(), (
        "run `python -m tests.meta.hooks_page`"
    )


def test_the_checks_page_is_the_one_that_the_code_makes() -> None:
    assert checks_page.PAGE.read_text("utf-8") == checks_page.render(), (
        "run `python -m tests.meta.checks_page`"
    )


@pytest.mark.parametrize(
    "table",
    [(), ("rights",), ("rights", "programs", 0), ("rights", "tools", 0), ("relations",),
     ("demo",), ("commands", 0), ("verbs", 0), ("commands", 0, "arguments", 0),
     ("hooks", "x")],
    ids=str,
)  # fmt: skip
def test_each_key_of_a_manifest_is_documented(table: tuple[str | int, ...]) -> None:
    keys = known_keys(table)
    missing = [
        key for key in keys if not re.search(rf"[`\[.{{ ]{key}[`\]. =]", MANIFEST)
    ]

    assert keys
    assert missing == []


@pytest.mark.parametrize("name", LIMIT_NAMES)
def test_each_limit_is_documented(name: str) -> None:
    assert f"`{name}`" in MANIFEST


@pytest.mark.parametrize("state", StateName.__args__)  # type: ignore[attr-defined]
def test_each_state_is_documented(state: str) -> None:
    assert f"| `{state}` |" in MANIFEST


@pytest.mark.parametrize("setting", sorted(default_config({"HOME": "/"}).to_dict()))
def test_each_setting_is_documented(setting: str) -> None:
    assert f"`{setting}`" in SETTINGS or f"`{setting}.NAME`" in SETTINGS


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_each_command_is_documented(verb: str) -> None:
    assert f"`lockgate {verb}" in CLI
