"""The rules, joined."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from lockgate_sandbox.source import RULES
from lockgate_sandbox.source._registry import (
    FAMILIES,
    joined,
    module_rule,
    rules_version,
)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_a_name_a_level_and_a_reason(name: str) -> None:
    rule = RULES[name]

    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert rule.why.endswith(".")
    assert len(rule.why) < 100


def test_no_rule_has_the_name_of_another() -> None:
    assert len(RULES) == sum(len(family.rules) for family in FAMILIES)


def test_two_families_must_not_claim_one_word() -> None:
    with pytest.raises(ValueError, match=r"claim \['a'\]"):
        joined([{"a": 1}, {"a": 2}])


def test_a_submodule_has_the_rule_of_its_package() -> None:
    assert module_rule("http.client.x") is not None
    assert module_rule("http") is None


def test_the_version_is_stable_within_a_process() -> None:
    assert rules_version() == rules_version()
    assert len(rules_version()) == 24


def test_the_processes_around_a_worker_do_not_hold_the_gate() -> None:
    code = (
        "import sys\n"
        "from lockgate_sandbox import Sandbox\n"
        "from lockgate_sandbox._zygote import child, keeper, zygote\n"
        "print([m for m in sys.modules if m.startswith('lockgate_sandbox.source')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
