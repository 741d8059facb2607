"""Looking around: what an index has, and what is newer than what is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from packaging.version import Version

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import joined
from lockgate_marketplace.resolve._candidates import Pages, shelf
from lockgate_marketplace.resolve._client import IndexClient
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._result import Rejected
from lockgate_marketplace.simple import PageLimits, load_json
from lockgate_marketplace.sources import Index

__all__ = ["Found", "Outdated", "outdated", "search"]

_CATALOG = "../catalog.json"
_CATALOG_LIMITS = PageLimits(depth=24)
_TEXT_CHARS = 300


@dataclass(frozen=True, slots=True)
class Found:
    """A project that fits a search."""

    name: str
    index: str
    version: str = ""
    """Of the latest release; empty if the index has no catalog."""
    summary: str = ""
    status: str = ""
    facets: Mapping[str, tuple[str, ...]] | None = None
    """Kind, tier, right, hook … as the catalog says; None without one."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """A project of which there is a newer version than the one here."""

    name: str
    current: str
    latest: str
    index: str
    waiting: tuple[Rejected, ...] = ()
    """Newer versions still that may not be used, and why."""


def search(
    client: IndexClient,
    index: Index,
    words: Sequence[str],
    facets: Mapping[str, str] | None = None,
) -> tuple[Found, ...]:
    """Projects in whose name or summary all `words` occur.

    From the index's ``catalog.json`` where there is one, which knows facets; else
    from the list of its names.

    Raises:
        FetchError, PageError: If neither can be had.
    """
    wanted = [word.lower() for word in words]
    asked = facets or {}
    catalog = _catalog(client, index)
    found = catalog
    if found is None:
        found = [Found(name, index.name) for name in client.names(index)]
    return tuple(
        one
        for one in found
        if all(word in f"{one.name} {one.summary}".lower() for word in wanted)
        and all(
            value in (one.facets or {}).get(key, ()) for key, value in asked.items()
        )
    )


def _catalog(client: IndexClient, index: Index) -> list[Found] | None:
    try:
        response = client.fetcher.page(index, joined(index.url, _CATALOG))
    except FetchError as error:
        if error.code not in ("fetch-missing", "fetch-host", "fetch-status"):
            raise
        return None
    if "json" not in response.kind:
        return None
    where = f"{index.name}: catalog.json"
    data = load_json(response.content, _CATALOG_LIMITS, where)
    entries = cast("list[object]", _kind(data.get("plugins"), list))
    tables = [cast("dict[str, object]", _kind(entry, dict)) for entry in entries]
    found = [_found(table, index) for table in tables]
    return [one for one in found if one.name]


def _found(entry: Mapping[str, object], index: Index) -> Found:
    table = cast("dict[str, object]", _kind(entry.get("facets"), dict))
    facets = {
        key: tuple(map(str, cast("list[object]", _kind(values, list))))
        for key, values in table.items()
    }
    return Found(
        _text(entry, "project"),
        index.name,
        _text(entry, "version"),
        _text(entry, "summary"),
        _text(entry, "status"),
        facets,
    )


def _kind(value: object, kind: type[list[Any]] | type[dict[str, Any]]) -> object:
    """The value if it is of that kind, else an empty one."""
    return cast("object", value) if isinstance(value, kind) else kind()


def _text(entry: Mapping[str, object], key: str) -> str:
    """A text for a terminal: short, and without control characters."""
    value = str(entry.get(key) or "")[:_TEXT_CHARS]
    return "".join(letter if letter.isprintable() else "?" for letter in value)


def outdated(
    here: Mapping[str, tuple[str, str]], pages: Pages, policy: Policy
) -> tuple[Outdated, ...]:
    """What is newer than what is `here`: by name, the index and the version.

    Raises:
        MarketplaceError: If an index can't be believed.
    """
    found: list[Outdated] = []
    for name, (index_name, version) in sorted(here.items()):
        index = pages.sources.named(index_name)
        ready = shelf(pages, index, name, policy)
        current = Version(version)
        newer = [
            c.version
            for c in ready.candidates
            if c.version > current
            and (not c.version.is_prerelease or policy.takes_prereleases(name))
        ]
        waiting = tuple(r for r in ready.rejected if Version(r.version) > current)
        if newer or waiting:
            latest = str(max(newer)) if newer else version
            found.append(Outdated(name, version, latest, index_name, waiting))
    return tuple(found)
