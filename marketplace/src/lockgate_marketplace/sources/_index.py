"""One index, as its owner configured it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from lockgate.values import Data
from lockgate_marketplace.errors import SourceError
from lockgate_marketplace.sources._urls import url_problem

__all__ = ["Index", "Settings", "table_of"]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_HOST = re.compile(r"[a-z0-9.-]{1,253}(?::[0-9]{1,5})?")

Settings: TypeAlias = Mapping[str, Data]


def table_of(value: Data) -> Settings:
    """A setting that is a table; an empty one for whatever is none."""
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Index:
    """A PyPI-compatible source of plugins."""

    name: str
    """The owner's name for it; the first half of a plugin's id, ``index/name``."""
    url: str
    """The root of its Simple API; ends with a slash."""
    prefixes: tuple[str, ...] = ()
    """Names that belong to it: ``acme`` stands for ``acme`` and all of ``acme-…``."""
    dependencies: str = ""
    """The index that dependencies of its plugins come from; default: itself."""
    files: frozenset[str] = frozenset()
    """Other hosts that its files may come from: ``host`` or ``host:port``."""
    unhashed: bool = False
    """Files without a hash are taken, and the first hash seen is pinned."""
    insecure: bool = False
    """http is good enough."""
    proof: bool | None = None
    """Whether files that nothing proves the maker of are refused, the first one too;
    None: as the marketplace's checks say."""
    upload: str = ""
    """Where wheels are sent to be published in it; empty: nowhere."""
    cooldown: timedelta | None = None
    """How old a file must be; None: what the marketplace's settings say."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host, port: whom the index's credentials are for."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return parts.scheme, parts.hostname or "", port

    def owns(self, name: str) -> int:
        """How many letters of its longest fitting prefix `name` has, or 0."""
        fitting = [p for p in self.prefixes if name == p or name.startswith(f"{p}-")]
        return max(map(len, fitting), default=0)

    def project_url(self, name: str) -> str:
        """The page of a project (PEP 503: the normalised name, and a slash)."""
        return f"{self.url}{canonicalize_name(name)}/"

    @classmethod
    def from_settings(cls, name: str, settings: Settings) -> Index:
        """Read ``[plugins.marketplace.indexes.NAME]``.

        Types are held by the manifest's ``config-schema``; what a schema can't
        say is judged here.

        Raises:
            SourceError: If it is unsound.
        """
        where = f"plugins.marketplace.indexes.{name}"
        if not _NAME.fullmatch(name):
            message = f"{name!r} is no name of an index: a-z, 0-9 and - only"
            raise SourceError("source-config", message, where=where)
        url, insecure = str(settings.get("url", "")), settings.get("insecure") is True
        if problem := url_problem(url, insecure=insecure):
            raise SourceError("source-url", problem, where=f"{where}.url")
        upload = str(settings.get("upload", ""))
        if upload and (problem := url_problem(upload)):
            raise SourceError("source-url", problem, where=f"{where}.upload")
        files = _texts(settings, "files")
        for host in files:
            if not _HOST.fullmatch(host):
                message = f"{host!r} is no host: write `host` or `host:port`"
                raise SourceError("source-config", message, where=f"{where}.files")
        days, proof = settings.get("cooldown-days"), settings.get("proof")
        return cls(
            name,
            url if url.endswith("/") else f"{url}/",
            tuple(_prefix(p, where) for p in _texts(settings, "prefixes")),
            str(settings.get("dependencies", "")),
            frozenset(files),
            settings.get("unhashed") is True,
            insecure,
            proof if isinstance(proof, bool) else None,
            cooldown=timedelta(days=days) if isinstance(days, int | float) else None,
            upload=upload,
        )


def _texts(settings: Settings, key: str) -> list[str]:
    value = settings.get(key)
    items = value if isinstance(value, list | tuple) else ()
    return [str(item) for item in items]


def _prefix(text: str, where: str) -> str:
    prefix = canonicalize_name(text.rstrip("-._"))
    if not _NAME.fullmatch(prefix):
        message = f"{text!r} is no prefix of names"
        raise SourceError("source-config", message, where=f"{where}.prefixes")
    return prefix
