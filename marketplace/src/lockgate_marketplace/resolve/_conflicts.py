"""Why a candidate was tried and put back: what it needs clashes with others' needs."""

from __future__ import annotations

from typing import Any

from resolvelib import BaseReporter

from lockgate_marketplace.resolve._candidates import Candidate
from lockgate_marketplace.resolve._provider import Key, Need, Provider

__all__ = ["Conflicts"]


class Conflicts(BaseReporter[Need, Candidate, Key]):
    """Tells the provider, which keeps every reason, of each candidate put back."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def rejecting_candidate(self, criterion: Any, candidate: Candidate) -> None:
        """Note who requires what of the name that it fails at."""
        told: list[str] = []
        for cause in criterion.information:
            need: Need = cause.requirement
            parent: Candidate | None = cause.parent
            if parent is None:
                told.append(f"you require {need.requirement}")
            elif (parent.name, parent.version) == (candidate.name, candidate.version):
                told.append(f"it requires {need.requirement}")
            else:
                by = f"{parent.name} {parent.version}"
                told.append(f"{by} requires {need.requirement}")
        reason = "; ".join(dict.fromkeys(told))
        if len(told) < 2:
            reason += ", of which no version can be used"
        self._provider.reject(candidate, "conflict", reason)
