"""The kind `integration`: what its hook is asked and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lockgate.plugin import Document, hookspec


@dataclass(frozen=True)
class Delivery:
    """How an event came over: the last HTTP status, and after how many attempts."""

    status: int
    attempts: int
    delivered: bool


class Integration(Protocol):
    """Events of this program, told to another one."""

    @hookspec("integration", timeout_seconds=60, failure="collect")
    def deliver_event(self, event: str, payload: Document) -> Delivery | None:
        """Send an event. None if it is of no interest to the receiver."""
        ...
