"""Is a page as new as what was seen before? The question, not its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from lockgate_marketplace.simple import IndexFile, ProjectPage

__all__ = ["Forgetful", "Freshness", "Seen"]

_LEEWAY = timedelta(hours=1)
"""Clocks differ, and a page may have been kept for minutes on its way here."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that contradicts nothing."""

    page: ProjectPage
    """With the pinned hashes of files that the index gives none for."""
    first_seen: Mapping[str, datetime]
    """When each file was first listed, by its name."""
    absent: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    """When the project was looked at last without a file, for those that came later."""

    def since(self, file: IndexFile) -> tuple[datetime, str] | None:
        """Since when a file has been there, and how that is known; None: it is not.

        An index may say what it likes of a file that was there at the first look. Of
        one that came later it can't say that it was uploaded before it was missing:
        then it counts from the day on which it was seen.
        """
        first = self.first_seen.get(file.filename)
        missing = self.absent.get(file.filename)
        said = file.upload_time
        if said is not None and (missing is None or said >= missing - _LEEWAY):
            return said, "uploaded"
        return None if first is None else (first, "first seen here")


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
