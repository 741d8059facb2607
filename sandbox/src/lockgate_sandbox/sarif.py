"""Findings as SARIF 2.1.0, the format that editors and code hosts read.

Each tool that found something is one run; each rule of it is described once and
referred to by index. Paths are relative to ``%SRCROOT%``, lines and columns
count from 1, and a range's end column is one past its last character, exactly as
SARIF has it (section 3.30). The one writer of this format: the gate's findings and
those of an engine's analyzers become `Result` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from lockgate_sandbox.errors import Data

__all__ = ["SCHEMA_URI", "Result", "to_sarif"]

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Result:
    """One finding as SARIF needs it.

    `level` is ``error``, ``warning`` or ``note``; `region` is line, column, end
    line and end column, or None for the whole file; `summary` and `help` describe
    the rule and may be empty.
    """

    tool: str
    path: str
    rule: str
    level: str
    message: str
    region: tuple[int, int, int, int] | None = None
    summary: str = ""
    help: str = ""


def to_sarif(
    results: Iterable[Result],
    *,
    versions: Mapping[str, str] | None = None,
    default_tool: str = "lockgate",
) -> dict[str, Data]:
    """A SARIF log of `results`; `versions` gives a tool's version by its name.

    A log without results still holds one run, of `default_tool`: it says that
    nothing was found.
    """
    by_tool: dict[str, list[Result]] = {}
    for result in results:
        by_tool.setdefault(result.tool, []).append(result)
    if not by_tool:
        by_tool[default_tool] = []
    runs: list[Data] = [
        _run(tool, found, (versions or {}).get(tool, ""))
        for tool, found in sorted(by_tool.items())
    ]
    return {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": runs}


def _run(tool: str, results: list[Result], version: str) -> dict[str, Data]:
    rules: dict[str, Result] = {}
    for result in results:
        rules.setdefault(result.rule, result)
    order = {rule: index for index, rule in enumerate(rules)}
    described: list[Data] = [_rule(result) for result in rules.values()]
    driver: dict[str, Data] = {"name": tool, "rules": described}
    if version:
        driver["version"] = version
    listed: list[Data] = [_result(item, order[item.rule]) for item in results]
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "The analysed tree."}}
        },
        "results": listed,
    }


def _rule(result: Result) -> dict[str, Data]:
    rule: dict[str, Data] = {
        "id": result.rule,
        "defaultConfiguration": {"level": result.level},
    }
    if result.summary:
        rule["shortDescription"] = {"text": result.summary}
    if result.help:
        rule["help"] = {"text": result.help}
    return rule


def _result(result: Result, rule_index: int) -> dict[str, Data]:
    physical: dict[str, Data] = {
        "artifactLocation": {
            "uri": quote(result.path.encode("utf-8", "surrogateescape"), safe="/"),
            "uriBaseId": "%SRCROOT%",
        }
    }
    if result.region is not None:
        line, column, end_line, end_column = result.region
        physical["region"] = {
            "startLine": line,
            "startColumn": column,
            "endLine": end_line,
            "endColumn": end_column,
        }
    return {
        "ruleId": result.rule,
        "ruleIndex": rule_index,
        "level": result.level,
        "message": {"text": result.message or result.rule},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {"lockgate/v1": _fingerprint(result)},
    }


def _fingerprint(result: Result) -> str:
    """The same finding after lines above it moved: place and number left out."""
    words = "\0".join((result.tool, result.rule, result.path, result.message))
    return sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:32]
