"""Every hook is documented and called by a test."""

from __future__ import annotations

import inspect
import re

import pytest

from lockgate import hookspecs
from tests.meta.workspace import ROOT


def hooks() -> list[str]:
    """The name of each hook, from the specs themselves."""
    found: list[str] = []
    for _, kind in inspect.getmembers(hookspecs, inspect.isclass):
        for name, member in vars(kind).items():
            if hasattr(member, hookspecs.SPEC_ATTRIBUTE):
                found.append(name)
    return sorted(found)


def test_there_are_hooks_of_every_kind() -> None:
    assert {"generate", "analyze", "transform", "simulate", "complete"} <= set(hooks())


@pytest.mark.parametrize("hook", hooks())
def test_a_hook_is_documented(hook: str) -> None:
    page = (ROOT / "docs" / "reference" / "hooks.md").read_text("utf-8")

    assert re.search(rf"^#+ .*`?{hook}`?", page, re.MULTILINE)


@pytest.mark.parametrize("hook", hooks())
def test_a_hook_is_called_through_a_host_by_a_test(hook: str) -> None:
    call = re.compile(rf"\b(?:call|stream)\(\s*[\"']{hook}[\"']")
    tests = (ROOT / "tests").rglob("test_*.py")

    assert any(call.search(path.read_text("utf-8")) for path in tests)
