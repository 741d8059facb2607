"""What is known of a project and its wheels from its index's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from packaging.version import Version

from lockgate_marketplace.wheel import WheelName

__all__ = ["IndexFile", "ProjectPage"]


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A wheel, as its index describes it."""

    filename: str
    wheel: WheelName
    """What the file's name says; its project is the page's."""
    url: str
    """Absolute; the index may lead there."""
    sha256: str
    """Lower-case hexadecimal; ``""`` only of an index that is marked `unhashed`."""
    size: int | None = None
    requires_python: str = ""
    yanked: str | None = None
    """Why it was yanked, maybe ``""``; None if it was not (PEP 592)."""
    upload_time: datetime | None = None
    """With a time zone; None if the index does not say (PEP 700)."""
    metadata_sha256: str | None = None
    """Of ``URL.metadata`` (PEP 714); ``""`` if it is there without a hash."""
    provenance_url: str = ""
    """PEP 740."""
    manifest_sha256: str = ""
    """Of the plugin's manifest beside the wheel (lockgate's own indexes)."""
    manifest_url: str = ""
    signature_sha256: str = ""
    """Of the signature of its publisher's key (lockgate's own indexes)."""
    signature_url: str = ""

    @property
    def version(self) -> Version:
        """The version that the file's name says."""
        return Version(self.wheel.version)


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """A project, as its index describes it."""

    name: str
    """Normalised."""
    index: str
    api_version: str
    status: str = "active"
    """PEP 792: active, archived, deprecated, quarantined, or what comes later."""
    reason: str = ""
    serial: int | None = None
    """The index's count of changes, if it tells it."""
    versions: tuple[str, ...] = ()
    """PEP 700; empty if the index does not list them."""
    files: tuple[IndexFile, ...] = ()
    """The wheels. Nothing else is ever used."""
    others: tuple[str, ...] = ()
    """Names of files that are no wheels, or whose name is none of a wheel."""
