"""The codes with which the chain refuses, one module for each step.

``docs/reference/marketplace-errors.md`` is made from this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lockgate_marketplace.codes._code import Code
from lockgate_marketplace.codes._consent import CONSENT
from lockgate_marketplace.codes._contract import CONTRACT
from lockgate_marketplace.codes._fetch import FETCH
from lockgate_marketplace.codes._freshness import FRESHNESS
from lockgate_marketplace.codes._identity import IDENTITY
from lockgate_marketplace.codes._lock import LOCK
from lockgate_marketplace.codes._page import PAGE
from lockgate_marketplace.codes._publish import PUBLISH
from lockgate_marketplace.codes._resolve import RESOLVE
from lockgate_marketplace.codes._scan import SCAN
from lockgate_marketplace.codes._source import SOURCE
from lockgate_marketplace.codes._store import STORE
from lockgate_marketplace.codes._wheel import WHEEL

__all__ = ["CODES", "Code"]

CODES: Mapping[str, Code] = MappingProxyType(
    {
        **SOURCE,
        **FETCH,
        **PAGE,
        **FRESHNESS,
        **RESOLVE,
        **IDENTITY,
        **WHEEL,
        **SCAN,
        **CONTRACT,
        **CONSENT,
        **STORE,
        **LOCK,
        **PUBLISH,
    }
)
"""Every code, kebab-case, by itself."""
