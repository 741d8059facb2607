"""Findings for other programs: as SARIF."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lockgate_sandbox.sarif import Result
from lockgate_sandbox.source._registry import RULES
from lockgate_sandbox.source.findings import Finding

__all__ = ["sarif_results"]

TOOL = "lockgate-sandbox"
"""The name under which SARIF lists the gate."""


def sarif_results(findings: Iterable[Finding]) -> Iterator[Result]:
    """`findings` as `lockgate_sandbox.sarif.to_sarif` takes them."""
    for finding in findings:
        region = (finding.line, finding.column, finding.end_line, finding.end_column)
        yield Result(
            tool=TOOL,
            path=finding.path,
            rule=finding.rule,
            level=finding.level,
            message=finding.message,
            region=region,
            summary=RULES[finding.rule].why,
        )
