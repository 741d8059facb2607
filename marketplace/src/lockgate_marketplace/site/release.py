"""What an index knows of one wheel, as a value that the state file keeps."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, cast

from packaging.metadata import parse_email
from packaging.version import Version

from lockgate.manifest import Manifest

__all__ = [
    "MANIFEST_SUFFIX",
    "METADATA_SUFFIX",
    "PROVENANCE_SUFFIX",
    "SIGNATURE_SUFFIX",
    "About",
    "Release",
    "Verdict",
    "about",
    "moment",
]

METADATA_SUFFIX = ".metadata"
MANIFEST_SUFFIX = ".lockgate.json"
PROVENANCE_SUFFIX = ".provenance"
SIGNATURE_SUFFIX = ".signature"
"""What follows a wheel's file name in the names of what belongs to it."""


_SUMMARY_LIMIT_CHARS = 300
_URLS_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said of a wheel, and when: `outcome` is passed, noted or refused."""

    check: str
    outcome: str
    at: str
    detail: str = ""

    def to_data(self) -> dict[str, str]:
        """The verdict as plain data that JSON can hold."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class About:
    """What METADATA says for people."""

    summary: str = ""
    author: str = ""
    license: str = ""
    urls: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Release:
    """One wheel that passed the gate.

    `uploaded` is when this index first had it, in seconds of the epoch.
    `metadata_sha256` is of its METADATA, `manifest_sha256` of the sidecar that holds
    its manifest, `provenance_sha256` of its provenance, `signature_sha256` of the
    signature of its publisher's key; empty if there is none. `signers` are those keys.
    `manifest` is `Manifest.to_data`'s.
    """

    filename: str
    project: str
    name: str
    version: str
    sha256: str
    size: int
    uploaded: int
    requires_python: str
    requires: tuple[str, ...]
    about: About
    metadata_sha256: str
    manifest: Mapping[str, Any] | None = None
    manifest_sha256: str = ""
    provenance_sha256: str = ""
    publishers: tuple[Mapping[str, str], ...] = ()
    signature_sha256: str = ""
    signers: tuple[str, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @property
    def parsed(self) -> Version:
        """The version, to be compared."""
        return Version(self.version)

    def path(self, suffix: str = "") -> str:
        """Where the file, or what belongs to it, lies in the site."""
        return f"files/{self.project}/{self.filename}{suffix}"

    def plugin(self) -> Manifest | None:
        """The manifest as the engine knows it; None for a library."""
        return Manifest.from_data(self.manifest) if self.manifest else None

    def to_data(self) -> dict[str, Any]:
        """The release as plain data that JSON can hold.

        By hand: `dataclasses.asdict` copies every list of every manifest, which is a
        second for 5,000 releases.
        """
        data: dict[str, Any] = dict(zip(self.__slots__, _fields(self), strict=True))
        data["about"] = dict(
            zip(About.__slots__, _about_fields(self.about), strict=True)
        )
        data["verdicts"] = [one.to_data() for one in self.verdicts]
        return data


_fields = attrgetter(*Release.__slots__)
_about_fields = attrgetter(*About.__slots__)


@lru_cache(maxsize=4096)
def moment(seconds: int) -> str:
    """A time as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def about(metadata: bytes) -> About:
    """What METADATA says for people; what is odd in it is left out."""
    raw = cast("dict[str, Any]", parse_email(metadata)[0])
    summary = " ".join(_text(raw, "summary").split())[:_SUMMARY_LIMIT_CHARS]
    urls: dict[str, str] = dict(list(raw.get("project_urls", {}).items())[:_URLS_LIMIT])
    if home := _text(raw, "home_page"):
        urls.setdefault("Homepage", home)
    terms = _text(raw, "license_expression") or _text(raw, "license").split("\n")[0]
    return About(summary, _author(raw), terms[:80], urls)


def _author(raw: Mapping[str, Any]) -> str:
    """A name, without the address: pages are read by harvesters."""
    named = _text(raw, "author") or email.utils.parseaddr(_text(raw, "author_email"))[0]
    return named[:120]


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""
