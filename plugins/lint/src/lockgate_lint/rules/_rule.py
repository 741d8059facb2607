"""One row of the rule table."""

from __future__ import annotations

from dataclasses import dataclass

from lockgate.values import Severity

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is found (`title`), how grave it is, and the way out (`hint`)."""

    id: str
    tool: str
    severity: Severity
    title: str
    hint: str
