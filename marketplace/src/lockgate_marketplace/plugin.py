"""The service: its share of ``lockgate doctor``."""

from __future__ import annotations

from dataclasses import asdict

from lockgate.plugin import Context, Data, Document, hookimpl
from lockgate_marketplace.checks import check_indexes, check_store

__all__ = ["diagnose"]


def _text(value: Data) -> str:
    return value if isinstance(value, str) else ""


@hookimpl
def diagnose(context: Context) -> tuple[Document, ...]:
    """Report on the configured indexes and store."""
    checks = (
        *check_indexes(context.config),
        check_store(_text(context.config.get("store"))),
    )
    return tuple(asdict(check) for check in checks)
