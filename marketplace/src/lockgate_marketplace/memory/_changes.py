"""What a page may not change about the past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from packaging.version import InvalidVersion, Version

from lockgate_marketplace.memory._record import Record
from lockgate_marketplace.simple import ProjectPage

__all__ = ["COMPLETE_AFTER", "Change", "changes"]

COMPLETE_AFTER = timedelta(days=14)
"""PyPI takes no new files for a release after that (July 2026)."""


@dataclass(frozen=True, slots=True)
class Change:
    """A contradiction: its code, and a sentence."""

    code: str
    message: str


def changes(record: Record, page: ProjectPage, now: datetime) -> tuple[Change, ...]:
    """How `page` contradicts `record`, the worst first."""
    return (
        *_hashes(record, page),
        *_late_files(record, page, now),
        *_vanished(record, page),
        *_status(record, page),
        *_serial(record, page),
    )


def _hashes(record: Record, page: ProjectPage) -> list[Change]:
    found: list[Change] = []
    for file in page.files:
        known = record.files.get(file.filename)
        if known is None or not known.sha256 or not file.sha256:
            continue
        if known.sha256 != file.sha256:
            seen = known.first_seen.date().isoformat()
            message = (
                f"{file.filename} has other content than before: its SHA-256 was "
                f"{known.sha256[:12]}… since {seen}, and is {file.sha256[:12]}… now. "
                "A file that was released never changes"
            )
            found.append(Change("freshness-hash-changed", message))
    return found


def _late_files(record: Record, page: ProjectPage, now: datetime) -> list[Change]:
    """Files of a release that has been there for long, and did not have them."""
    since: dict[str, datetime] = {}
    for known in record.files.values():
        began = min(known.first_seen, known.uploaded or known.first_seen)
        since[known.version] = min(since.get(known.version, began), began)
    found: list[Change] = []
    for file in page.files:
        began = since.get(file.wheel.version, now)
        if file.filename not in record.files and now - began > COMPLETE_AFTER:
            message = (
                f"{file.filename} was added to a release of {began.date()}: a way to "
                "slip a file in where nobody looks any more"
            )
            found.append(Change("freshness-late-file", message))
    return found


def _vanished(record: Record, page: ProjectPage) -> list[Change]:
    there = {file.wheel.version for file in page.files}
    for version in page.versions:
        try:
            there.add(str(Version(version)))
        except InvalidVersion:
            continue
    seen = {known.version for known in record.files.values()}
    return [
        Change(
            "freshness-version-vanished",
            f"version {version} was there before and is gone: taken back for a reason, "
            "or somebody wants you on an older one",
        )
        for version in sorted(seen - there - record.gone)
    ]


def _status(record: Record, page: ProjectPage) -> list[Change]:
    if record.status == "quarantined" and page.status != "quarantined":
        message = (
            f"it was in quarantine and is {page.status} now: whoever stopped it saw a "
            "danger"
        )
        return [Change("freshness-status-back", message)]
    return []


def _serial(record: Record, page: ProjectPage) -> list[Change]:
    if record.serial is None or (
        page.serial is not None and page.serial >= record.serial
    ):
        return []
    if page.serial is None:
        message = (
            f"the index does not say at which change it is any more (it was at "
            f"{record.serial}): an old page without its number looks like a new one"
        )
        return [Change("freshness-serial-gone", message)]
    message = (
        f"the index shows an older state than before (change {page.serial}, it was at "
        f"{record.serial}): it lags, or somebody hides what came since"
    )
    return [Change("freshness-serial-back", message)]
