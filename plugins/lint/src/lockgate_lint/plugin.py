"""The analyzer: the host's `analyze` hook, adapted to `linter`."""

from __future__ import annotations

from lockgate.plugin import AnalysisReport, Context, Document, Tree, hookimpl
from lockgate_lint.linter import analyze_tree

__all__ = ["analyze"]


@hookimpl
def analyze(tree: Tree, contract: Document, context: Context) -> AnalysisReport | None:
    """Check the Python, C++ and MicroPython files of `tree`, and its pins."""
    return analyze_tree(tree, contract, context)
