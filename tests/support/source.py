"""What the tests of the AST gate share."""

from __future__ import annotations

import textwrap

from lockgate_sandbox.source import Finding, scan_source

__all__ = ["only", "rules_in"]


def rules_in(source: str) -> set[str]:
    """The ids of the rules that apply to `source`."""
    return {finding.rule for finding in scan_source(textwrap.dedent(source))}


def only(source: str, rule: str) -> Finding:
    """The one finding of `rule` in `source`."""
    found = scan_source(textwrap.dedent(source))
    (finding,) = [item for item in found if item.rule == rule]
    return finding
