"""The transformer: the host's `transform` hook, adapted to `formatter`."""

from __future__ import annotations

from lockgate.plugin import (
    Context,
    Document,
    RefusedError,
    Transformation,
    Tree,
    hookimpl,
)
from lockgate_format.formatter import format_tree
from lockgate_format.options import read_options

__all__ = ["transform"]


@hookimpl
def transform(tree: Tree, options: Document, context: Context) -> Transformation:
    """Format the Python and C++ files of `tree`.

    Raises:
        RefusedError: If an option is unknown or out of its bounds.
    """
    chosen, reasons = read_options(context.config, options)
    if reasons:
        raise RefusedError(reasons)
    return format_tree(tree, chosen, context)
