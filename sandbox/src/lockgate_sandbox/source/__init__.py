"""The AST gate: what a plugin's source says that it does, read without running it.

**It is not a boundary.** Python can hide what it does from every reader, and the
rules here know what they know. The gate is a report for the person who decides,
and an early, friendly refusal; what a plugin may do is its policy's word, and the
kernel holds it.

::

    from lockgate_sandbox.source import scan_tree

    for finding in scan_tree("/srv/plugin").findings:
        print(finding.path, finding.line, finding.rule, finding.message)

Host side only: nothing of this is imported by a zygote or a worker. Text walks one
street: `scan` -> `lockgate_sandbox.parsing` -> `_walk` (to the places of `_scope`) ->
`_names` -> `_judge` (by `_registry`, which joins `_rules`) -> findings -> `derived`.
"""

from __future__ import annotations

from lockgate_sandbox.source._registry import RULES, rules_version
from lockgate_sandbox.source.cache import ScanCache
from lockgate_sandbox.source.derived import (
    Comparison,
    Derived,
    compare_rights,
    rights,
)
from lockgate_sandbox.source.findings import FileScan, Finding, Level, Right, Rule
from lockgate_sandbox.source.limits import ScanLimits
from lockgate_sandbox.source.scan import TreeScan, scan_source, scan_tree

__all__ = [
    "RULES",
    "Comparison",
    "Derived",
    "FileScan",
    "Finding",
    "Level",
    "Right",
    "Rule",
    "ScanCache",
    "ScanLimits",
    "TreeScan",
    "compare_rights",
    "rights",
    "rules_version",
    "scan_source",
    "scan_tree",
]
