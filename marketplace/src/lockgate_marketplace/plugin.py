"""The service: its share of ``lockgate doctor``."""

from __future__ import annotations

from dataclasses import asdict

from lockgate.plugin import Context, Data, Document, hookimpl
from lockgate_marketplace.checks import check_index, check_store

__all__ = ["diagnose"]


def _text(value: Data) -> str:
    return value if isinstance(value, str) else ""


@hookimpl
def diagnose(context: Context) -> tuple[Document, ...]:
    """Report on the configured index and store."""
    checks = (
        check_index(_text(context.config.get("index"))),
        check_store(_text(context.config.get("store"))),
    )
    return tuple(asdict(check) for check in checks)
