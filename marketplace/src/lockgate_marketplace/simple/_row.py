"""One file's entry, in whichever form it came: the rules for both."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from lockgate_marketplace.errors import PageError, WheelError
from lockgate_marketplace.fetch import allowed, joined
from lockgate_marketplace.simple._page import IndexFile
from lockgate_marketplace.sources import Index
from lockgate_marketplace.wheel import WheelName, tags_of

__all__ = ["Row", "Rows", "moment"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHOWN = 120
_MOST_TAGS = 250_000
"""Of all wheels of a page: five for each, if there are as many as there may be."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, typed but not judged. URLs are as they stand in the page."""

    filename: str
    url: str
    sha256: str
    size: int | None = None
    requires_python: str = ""
    yanked: str | None = None
    upload_time: datetime | None = None
    metadata_sha256: str | None = None
    provenance_url: str = ""
    manifest_sha256: str = ""
    manifest_url: str = ""
    signature_sha256: str = ""
    signature_url: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Whose page it is, and where it came from: what entries are held against."""

    index: Index
    name: str
    base: str
    """What relative URLs are relative to."""
    _tags: list[int] = field(default_factory=lambda: [0], compare=False, repr=False)
    """How many tags the names so far stand for: a short name for a thousand."""

    def file(self, row: Row) -> IndexFile | None:
        """The wheel that the entry describes; None if it is no wheel.

        Raises:
            PageError: If the entry is unsound.
            FetchError: If its URL is one where the index may not lead.
        """
        wheel = self._wheel(row.filename)
        if wheel is None:
            return None
        url = self._place(row)
        self._check_hashes(row)
        return IndexFile(
            row.filename,
            wheel,
            url,
            row.sha256,
            row.size,
            row.requires_python,
            row.yanked,
            row.upload_time,
            row.metadata_sha256,
            self._beside(row.provenance_url),
            row.manifest_sha256,
            self._beside(row.manifest_url),
            row.signature_sha256,
            self._beside(row.signature_url),
        )

    def _wheel(self, name: str) -> WheelName | None:
        """What the file `name` says that it is; None if it is no wheel."""
        shown = ascii(name[:_SHOWN])
        if not name or not name.isprintable() or "/" in name or "\\" in name:
            raise self._refused("page-filename", f"{shown} is no file name")
        if not name.endswith(".whl"):
            return None
        self._tags[0] += tags_of(name)
        if self._tags[0] > _MOST_TAGS:
            message = f"the names of its wheels stand for {self._tags[0]:,} tags"
            raise self._refused("page-too-many", message)
        try:
            wheel = WheelName.parse(name)
        except WheelError:
            return None
        if wheel.name != self.name:
            message = f"{shown} is a file of {wheel.name!r}"
            raise self._refused("page-foreign-file", message)
        return wheel

    def _place(self, row: Row) -> str:
        """The URL of the file, which ends with its name."""
        url = joined(self.base, row.url).partition("#")[0]
        allowed(self.index, url)
        last = unquote(urlsplit(url).path.rpartition("/")[2])
        if last != row.filename:
            shown = ascii(row.filename[:_SHOWN])
            message = f"{shown} lies at a URL that ends with {last[:_SHOWN]!a}"
            raise self._refused("page-filename", message)
        return url

    def _check_hashes(self, row: Row) -> None:
        hashes = {
            "its hash": row.sha256,
            "its metadata's hash": row.metadata_sha256 or "",
            "its manifest's hash": row.manifest_sha256,
            "its signature's hash": row.signature_sha256,
        }
        for what, digest in hashes.items():
            if digest and not _is_sha256(digest):
                message = f"{what} is {digest[:_SHOWN]!r}"
                raise self._refused("page-hash", message, row.filename)
        if not row.sha256 and not self.index.unhashed:
            message = (
                "it gives no SHA-256: nothing would tell whether the right file came"
            )
            raise self._refused("page-unhashed", message, row.filename)

    def _beside(self, url: str) -> str:
        if not url:
            return ""
        found = joined(self.base, url).partition("#")[0]
        allowed(self.index, found)
        return found

    def _refused(self, code: str, message: str, filename: str = "") -> PageError:
        where = f"{self.index.name}/{self.name}"
        if filename:
            where += f" {ascii(filename[:_SHOWN])[1:-1]}"
        return PageError(code, message, where=where)


def _is_sha256(text: str) -> bool:
    """Whether `text` is a SHA-256 in lower-case hexadecimal."""
    return _SHA256.fullmatch(text) is not None


def moment(text: str) -> datetime:
    """A time of ISO 8601; without a zone it is UTC (PEP 700).

    Raises:
        ValueError: If it is none.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
