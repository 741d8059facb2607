"""Is a page as new as what was seen before? The question, not its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from lockgate_marketplace.simple import ProjectPage

__all__ = ["Forgetful", "Freshness", "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that contradicts nothing."""

    page: ProjectPage
    """With the pinned hashes of files that the index gives none for."""
    first_seen: Mapping[str, datetime]
    """When each file was first listed, by its name."""


class Freshness(Protocol):
    """Judges pages by what is known of the index's past."""

    def observe(self, page: ProjectPage) -> Seen:
        """Judge a page, and remember it if it is sound.

        Raises:
            FreshnessError: If it contradicts what is known. Nothing is remembered.
        """
        ...

    def pin(self, index: str, name: str, filename: str, sha256: str, size: int) -> None:
        """Remember what a file without a hash turned out to be.

        Raises:
            FreshnessError: If it is known to be something else.
        """
        ...


class Forgetful:
    """Knows no past: for looking at an index, not for installing from it."""

    def observe(self, page: ProjectPage) -> Seen:
        """Everything is new."""
        now = datetime.now(UTC)
        return Seen(page, {file.filename: now for file in page.files})

    def pin(self, index: str, name: str, filename: str, sha256: str, size: int) -> None:
        """Nothing is remembered."""
