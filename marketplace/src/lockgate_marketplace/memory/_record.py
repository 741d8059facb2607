"""What is kept of a project: each file ever listed, its hash, when it was seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lockgate_marketplace.simple import ProjectPage

__all__ = ["LOOK_EVERY", "Record", "SeenFile"]

LOOK_EVERY = timedelta(hours=1)

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file, as it was first listed."""

    version: str
    sha256: str
    size: int | None
    first_seen: datetime
    uploaded: datetime | None = None
    absent: datetime | None = None
    """When its project was looked at last without it; None: it was there at first."""


@dataclass(frozen=True, slots=True)
class Record:
    """A project, as its index described it so far."""

    status: str = "active"
    serial: int | None = None
    files: Mapping[str, SeenFile] = field(default_factory=dict[str, SeenFile])
    """By name; those that are no longer listed stay."""
    gone: frozenset[str] = frozenset()
    """Versions that vanished with the owner's consent."""
    looked: datetime | None = None
    """When it was looked at last, to within `LOOK_EVERY`."""

    @property
    def last_look(self) -> datetime | None:
        """When it was looked at last, as far as is known; None: never."""
        return self.looked or max(
            (f.first_seen for f in self.files.values()), default=None
        )

    def with_page(self, page: ProjectPage, now: datetime) -> Record:
        """The record after the page: what was known of a file stays as it was."""
        files = dict(self.files)
        for file in page.files:
            known = files.get(file.filename)
            if known is None:
                files[file.filename] = SeenFile(
                    file.wheel.version,
                    file.sha256,
                    file.size,
                    now,
                    file.upload_time,
                    self.last_look,
                )
            elif not known.sha256 and file.sha256:
                files[file.filename] = replace(known, sha256=file.sha256)
        listed = {file.wheel.version for file in page.files}
        serial = self.serial if page.serial is None else page.serial
        # Not each time: it would be a write for every page that says nothing new.
        fresh = self.looked is not None and now - self.looked < LOOK_EVERY
        looked = self.looked if fresh else now
        return Record(page.status, serial, files, self.gone - listed, looked)

    def to_json(self) -> bytes:
        """The record as its file holds it."""
        files = {name: _plain(asdict(file)) for name, file in self.files.items()}
        data = {
            "format": _FORMAT,
            "status": self.status,
            "serial": self.serial,
            "gone": sorted(self.gone),
            "looked": self.looked.isoformat() if self.looked else None,
            "files": files,
        }
        return json.dumps(data, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, raw: bytes) -> Record:
        """Read what `to_json` wrote.

        Raises:
            ValueError: If it is something else.
        """
        try:
            data: dict[str, Any] = json.loads(raw)
            if data["format"] != _FORMAT:
                raise ValueError(f"format {data['format']!r}")
            files = {
                str(name): SeenFile(
                    str(entry["version"]),
                    str(entry["sha256"]),
                    None if entry["size"] is None else int(entry["size"]),
                    _moment(entry["first_seen"]),
                    _moment(entry["uploaded"]) if entry["uploaded"] else None,
                    # Records of an earlier form say nothing of it.
                    _moment(entry["absent"]) if entry.get("absent") else None,
                )
                for name, entry in data["files"].items()
            }
            serial = None if data["serial"] is None else int(data["serial"])
            gone = frozenset(map(str, data["gone"]))
            looked = _moment(data["looked"]) if data.get("looked") else None
            return cls(str(data["status"]), serial, files, gone, looked)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in fields.items()
    }


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return found
