"""Findings written as SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.sarif import to_sarif
from lockgate.values import Finding, Position, Range

LOCATION: dict[str, Any] = {
    "properties": {
        "physicalLocation": {
            "properties": {
                "artifactLocation": {"required": ["uri", "uriBaseId"]},
                "region": {"additionalProperties": {"type": "integer", "minimum": 1}},
            }
        }
    }
}

SUBSET: dict[str, Any] = {
    # The parts of the SARIF 2.1.0 schema that a consumer relies on.
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {"required": ["id"]},
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message"],
                            "properties": {
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "message": {"required": ["text"]},
                                "locations": {"items": LOCATION},
                            },
                        },
                    },
                },
            },
        },
    },
}

ONE = Finding(
    "src/a b.py",
    "F401",
    "warning",
    "unused import",
    Range(Position(3, 1), Position(3, 10)),
    tool="ruff",
    hint="remove it",
)


def _run(log: Any, number: int = 0) -> Any:
    return log["runs"][number]


def test_a_finding_becomes_a_result_with_region_level_and_rule() -> None:
    run = _run(to_sarif([ONE], versions={"ruff": "0.17"}))

    result = run["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert run["tool"]["driver"]["version"] == "0.17"
    assert result["level"] == "warning"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "F401"
    assert place["artifactLocation"]["uri"] == "src/a%20b.py"
    assert place["region"] == {
        "startLine": 3,
        "startColumn": 1,
        "endLine": 3,
        "endColumn": 10,
    }


def test_each_tool_is_a_run_of_its_own() -> None:
    other = Finding("b.c", "nullPointer", "error", "null", tool="cppcheck")

    log: Any = to_sarif([ONE, other])

    names = [run["tool"]["driver"]["name"] for run in log["runs"]]
    assert names == ["cppcheck", "ruff"]


def test_a_rule_is_described_once() -> None:
    again = Finding("c.py", "F401", "warning", "unused import", tool="ruff")

    run = _run(to_sarif([ONE, again]))

    assert len(run["tool"]["driver"]["rules"]) == 1
    assert [r["ruleIndex"] for r in run["results"]] == [0, 0]


def test_a_clean_tree_is_a_run_without_results() -> None:
    assert _run(to_sarif([]))["results"] == []


def test_a_finding_that_moved_keeps_its_fingerprint() -> None:
    moved = Finding(
        ONE.path,
        ONE.rule,
        ONE.severity,
        ONE.message,
        Range(Position(9), Position(9, 4)),
        tool=ONE.tool,
    )

    one, two = _run(to_sarif([ONE, moved]))["results"]

    assert one["partialFingerprints"] == two["partialFingerprints"]


_TEXT = st.text(min_size=1, max_size=30)
_PLACES = st.builds(Position, st.integers(1, 10**6), st.integers(1, 10**4))


@given(
    st.lists(
        st.builds(
            Finding,
            _TEXT,
            _TEXT,
            st.sampled_from(["error", "warning", "note"]),
            _TEXT,
            st.none() | st.builds(Range, _PLACES, _PLACES),
            tool=st.sampled_from(["", "ruff", "cppcheck"]),
            hint=st.text(max_size=10),
        ),
        max_size=8,
    )
)
def test_every_log_has_the_structure_that_readers_expect(found: list[Finding]) -> None:
    log = to_sarif(found)

    jsonschema.validate(json.loads(json.dumps(log)), SUBSET)
    runs: Any = log["runs"]
    assert sum(len(run["results"]) for run in runs) == len(found)
    for run in runs:
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])


@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_a_severity_is_a_sarif_level(severity: Any) -> None:
    result = _run(to_sarif([Finding("a", "r", severity, "m")]))["results"][0]

    assert result["level"] == severity
