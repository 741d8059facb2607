"""The service: its share of ``lockgate doctor``."""

from __future__ import annotations

from dataclasses import asdict

from lockgate.plugin import Context, Document, hookimpl
from lockgate_marketplace.checks import check_indexes

__all__ = ["diagnose"]


@hookimpl
def diagnose(context: Context) -> tuple[Document, ...]:
    """Report on the configured indexes."""
    return tuple(asdict(check) for check in check_indexes(context.config))
