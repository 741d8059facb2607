"""An index as a fetcher sees it, and how a refusal is met."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import Credentials, FetchLimits
from lockgate_marketplace.sources import Index
from tests.support.indexes import LoopbackIndex

__all__ = ["NOBODY", "QUICK", "body_of", "index_of", "refused"]

QUICK = FetchLimits(
    page_bytes=1 << 20,
    page_seconds=2,
    slowest_seconds=0.3,
    idle_seconds=0.5,
    backoff_seconds=0.001,
    attempts=3,
)

NOBODY = Credentials({}, {})


def index_of(server: LoopbackIndex, **how: Any) -> Index:
    return Index("main", server.url, **how)


def refused(code: str) -> Any:
    return pytest.raises(FetchError, check=lambda error: error.code == code)


def body_of(server: LoopbackIndex, content: bytes) -> str:
    server.served["/x"] = content
    return f"{server.origin}/x"
