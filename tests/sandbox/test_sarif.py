"""SARIF 2.1.0 of the gate's findings, against the part of the schema that is used."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from lockgate_sandbox.sarif import Result, to_sarif
from lockgate_sandbox.source import RULES, scan_source
from lockgate_sandbox.source._results import sarif_results

_TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_ONE = {"type": "integer", "minimum": 1}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "additionalProperties": False,
                    "properties": {"driver": {"$ref": "#/$defs/driver"}},
                },
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "originalUriBaseIds": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"description": _TEXT},
                        "additionalProperties": False,
                    },
                },
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "driver": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "rules": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {
                        "type": "object",
                        "required": ["id"],
                        "additionalProperties": False,
                        "properties": {
                            "id": {"type": "string"},
                            "shortDescription": _TEXT,
                            "help": _TEXT,
                            "defaultConfiguration": {
                                "type": "object",
                                "properties": {"level": _LEVEL},
                                "additionalProperties": False,
                            },
                        },
                    },
                },
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "locations"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": _LEVEL,
                "message": _TEXT,
                "partialFingerprints": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                },
                "locations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"physicalLocation": {"$ref": "#/$defs/place"}},
                    },
                },
            },
        },
        "place": {
            "type": "object",
            "required": ["artifactLocation"],
            "additionalProperties": False,
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "required": ["uri"],
                    "additionalProperties": False,
                    "properties": {
                        "uri": {"type": "string", "pattern": "^[!-~]+$"},
                        "uriBaseId": {"type": "string"},
                    },
                },
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": dict.fromkeys(
                        ("startLine", "startColumn", "endLine", "endColumn"), _ONE
                    ),
                },
            },
        },
    },
}


def test_the_gates_findings_are_sarif() -> None:
    source = "import socket\nx = 'ä'; eval('1')\n().__class__.__base__\n"
    found = scan_source(source, "a b/ä.py")

    log: Any = json.loads(json.dumps(to_sarif(sarif_results(found))))

    jsonschema.validate(log, _SCHEMA)
    (run,) = log["runs"]
    assert len(run["results"]) == len(found) > 2
    for result, finding in zip(run["results"], found, strict=True):
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == finding.rule
        assert rule["shortDescription"]["text"] == RULES[finding.rule].why
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "a%20b/%C3%A4.py"
        assert place["region"]["startLine"] == finding.line
        assert place["region"]["endColumn"] == finding.end_column


def test_nothing_found_is_a_run_that_says_so() -> None:
    log: Any = to_sarif([], default_tool="gate", versions={"gate": "1"})

    jsonschema.validate(log, _SCHEMA)
    assert log["runs"][0]["results"] == []
    assert log["runs"][0]["tool"]["driver"]["version"] == "1"


def test_a_path_that_is_no_text_is_still_a_uri() -> None:
    log: Any = to_sarif([Result("t", "a\udcff.py", "r", "note", "m")])

    jsonschema.validate(log, _SCHEMA)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%FF.py", "uriBaseId": "%SRCROOT%"}}
