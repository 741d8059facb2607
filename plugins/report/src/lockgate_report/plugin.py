"""The hooks of the plugin: adapts a run document to the page, and nothing else."""

from __future__ import annotations

from lockgate.plugin import Document, Generation, Tree, hookimpl
from lockgate_report.render import render
from lockgate_report.runs import is_run, page

__all__ = ["generate", "generator_targets"]


@hookimpl
def generate(spec: Document, targets: tuple[str, ...]) -> Generation | None:
    """Make ``report.html`` from a run document; None for any other document."""
    if not is_run(spec) or (targets and "html" not in targets):
        return None
    html = render(page(spec))
    return Generation(Tree.of({"report.html": html}), targets=("html",))


@hookimpl
def generator_targets() -> tuple[str, ...]:
    """One page of HTML."""
    return ("html",)
