"""The service: its share of ``lockgate doctor``."""

from __future__ import annotations

from dataclasses import asdict

from lockgate.plugin import Context, Document, hookimpl
from lockgate_marketplace.checks import check_indexes, check_levels

__all__ = ["diagnose"]


@hookimpl
def diagnose(context: Context) -> tuple[Document, ...]:
    """Report on the configured indexes, and on checks that were weakened."""
    found = (*check_indexes(context.config), *check_levels(context.config))
    return tuple(asdict(check) for check in found)
