"""What `lockgate check` looks for: a rule per code, and the level it is part of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from lockgate.contract import CODES
from lockgate.values import Finding, Severity

__all__ = ["LEVELS", "RULES", "Level", "Rule", "level_of"]

Level = Literal["", "bronze", "silver", "gold"]
LEVELS: tuple[Level, ...] = ("", "bronze", "silver", "gold")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for. `level` is what a plugin without it may reach."""

    severity: Severity
    level: Level
    means: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "manifest-invalid": Rule(
            "error", "bronze", "The manifest is missing or wrong."
        ),
        "manifest-drift": Rule(
            "error",
            "bronze",
            "The manifest's hooks or kinds are not the code's: `check --write`.",
        ),
        "kind-unknown": Rule(
            "error",
            "bronze",
            "The manifest names a kind that no plugin beside the project adds.",
        ),
        "kind-spec": Rule(
            "error", "bronze", "A hook spec of an added kind can't be compiled."
        ),
        "name-mismatch": Rule(
            "error", "bronze", "Entry point and manifest name the plugin differently."
        ),
        "hook-api": Rule(
            "error",
            "bronze",
            "The range `hook-api` leaves out this version, or a hook is not of it.",
        ),
        "file-missing": Rule(
            "error", "bronze", "The manifest names a file that is not in the package."
        ),
        "package-data": Rule(
            "error", "bronze", "The wheel would not hold the manifest."
        ),
        "right-undeclared": Rule(
            "error", "bronze", "The code uses what the manifest does not ask for."
        ),
        **{code: Rule("error", "bronze", means) for code, means in CODES.items()},
        "right-unused": Rule(
            "warning", "silver", "The manifest asks for what the code does not use."
        ),
        "hook-api-open": Rule(
            "warning", "silver", "The range `hook-api` has no upper bound."
        ),
        "hook-api-wide": Rule(
            "warning", "silver", "The range `hook-api` holds versions without the hook."
        ),
        "hook-deprecated": Rule(
            "warning", "silver", "A hook that the plugin answers will be removed."
        ),
        "metadata-missing": Rule(
            "warning", "silver", "pyproject.toml lacks what an index shows."
        ),
        "licence-missing": Rule("warning", "silver", "There is no licence."),
        "readme-missing": Rule("warning", "silver", "There is no README."),
        "dependency-missing": Rule(
            "warning", "silver", "lockgate itself is no dependency."
        ),
        "tests-missing": Rule("warning", "silver", "There are no tests."),
        "typed-missing": Rule(
            "note", "gold", "An impl lacks annotations, or the package py.typed."
        ),
        "doc-missing": Rule("note", "gold", "An impl has no docstring."),
        "config-undescribed": Rule(
            "note", "gold", "A setting has no description in [config-schema]."
        ),
        "capabilities-missing": Rule(
            "note",
            "gold",
            "The manifest has no [capabilities]: no search finds it.",
        ),
        "source-opaque": Rule(
            "note", "gold", "Some code can't be read, so its rights are unknown."
        ),
    }
)
"""Every code of a finding, in the order of the page that describes them."""


def level_of(findings: Sequence[Finding]) -> Level:
    """The level reached: the one below the lowest that a finding is part of."""
    missed = [LEVELS.index(RULES[finding.rule].level) for finding in findings]
    return LEVELS[min(missed, default=len(LEVELS)) - 1]
