"""Findings as SARIF 2.1.0, the format that editors and code hosts read.

Each tool that found something is one run; each rule of it is described once and
referred to by index. Paths are relative to ``%SRCROOT%``, lines and columns
count from 1, and a range's end column is one past its last character, exactly as
SARIF has it (section 3.30).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import quote

from lockgate.values import Data, Document, Finding, Range

__all__ = ["SCHEMA_URI", "to_sarif"]

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_DEFAULT_TOOL = "lockgate"


def to_sarif(
    findings: Iterable[Finding], *, versions: Mapping[str, str] | None = None
) -> Document:
    """A SARIF log of `findings`; `versions` gives a tool's version by its name.

    A log without findings still holds one run: it says that nothing was found.
    """
    by_tool: dict[str, list[Finding]] = {}
    for finding in findings:
        by_tool.setdefault(finding.tool or _DEFAULT_TOOL, []).append(finding)
    if not by_tool:
        by_tool[_DEFAULT_TOOL] = []
    runs: list[Data] = [
        _run(tool, found, (versions or {}).get(tool, ""))
        for tool, found in sorted(by_tool.items())
    ]
    return {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": runs}


def _run(tool: str, findings: list[Finding], version: str) -> Document:
    rules: dict[str, Finding] = {}
    for finding in findings:
        rules.setdefault(finding.rule, finding)
    order = {rule: index for index, rule in enumerate(rules)}
    described: list[Data] = [_rule(finding) for finding in rules.values()]
    driver: dict[str, Data] = {"name": tool, "rules": described}
    if version:
        driver["version"] = version
    results: list[Data] = [_result(f, order[f.rule]) for f in findings]
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The analysed tree."}}
        },
        "results": results,
    }


def _rule(finding: Finding) -> Document:
    rule: dict[str, Data] = {
        "id": finding.rule,
        "defaultConfiguration": {"level": finding.severity},
    }
    if finding.hint:
        rule["help"] = {"text": finding.hint}
    return rule


def _result(finding: Finding, rule_index: int) -> Document:
    physical: dict[str, Data] = {
        "artifactLocation": {
            "uri": quote(finding.path, safe="/"),
            "uriBaseId": "%SRCROOT%",
        }
    }
    if finding.range is not None:
        physical["region"] = _region(finding.range)
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": finding.severity,
        "message": {"text": finding.message or finding.rule},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"lockgate/v1": _fingerprint(finding)},
    }


def _region(place: Range) -> Document:
    return {
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    }


def _fingerprint(finding: Finding) -> str:
    """The same finding after lines above it moved: place and number left out."""
    words = "\0".join((finding.tool, finding.rule, finding.path, finding.message))
    return sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:32]
