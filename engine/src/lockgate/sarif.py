"""Findings of analyzers as SARIF 2.1.0; `lockgate_sandbox.sarif` writes the format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lockgate.values import Document, Finding
from lockgate_sandbox import sarif
from lockgate_sandbox.sarif import SCHEMA_URI

__all__ = ["SCHEMA_URI", "to_sarif"]

_DEFAULT_TOOL = "lockgate"


def to_sarif(
    findings: Iterable[Finding], *, versions: Mapping[str, str] | None = None
) -> Document:
    """A SARIF log of `findings`; `versions` gives a tool's version by its name.

    A log without findings still holds one run: it says that nothing was found.
    """
    results = map(_result, findings)
    return sarif.to_sarif(results, versions=versions, default_tool=_DEFAULT_TOOL)


def _result(finding: Finding) -> sarif.Result:
    place = finding.range
    region = None
    if place is not None:
        start, end = place.start, place.end
        region = (start.line, start.column, end.line, end.column)
    return sarif.Result(
        tool=finding.tool or _DEFAULT_TOOL,
        path=finding.path,
        rule=finding.rule,
        level=finding.severity,
        message=finding.message,
        region=region,
        help=finding.hint,
    )
