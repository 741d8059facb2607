"""What an index has: by words and facets from its catalog, else by names alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from packaging.utils import canonicalize_name

from lockgate.errors import did_you_mean
from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import joined
from lockgate_marketplace.resolve._client import IndexClient
from lockgate_marketplace.simple import PageLimits, load_json
from lockgate_marketplace.sources import Index

__all__ = ["Facets", "Found", "Searched", "catalog_of", "meant", "search"]

_CATALOG = "../catalog.json"
_CATALOG_LIMITS = PageLimits(depth=24)
_TEXT_CHARS = 300
_LIKE_LIMIT = 20_000
_NAME_CHARS = 100

Facets: TypeAlias = Mapping[str, tuple[str, ...]]
"""By kind, tier, right, hook …: the values of one plugin, or of all."""


@dataclass(frozen=True, slots=True)
class Found:
    """A project that fits a search."""

    name: str
    index: str
    version: str = ""
    """Of the latest release; empty if the index has no catalog."""
    summary: str = ""
    status: str = ""
    plugin: str = ""
    """The name of the plugin in it, as the catalog has it."""
    facets: Facets | None = None
    """As the catalog says; None without one."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What one index has, the best fit first."""

    index: str
    found: tuple[Found, ...]
    catalog: bool
    """Whether it has a catalog; without one, only names can be searched."""
    offers: Facets = field(default_factory=dict[str, tuple[str, ...]])
    """All values of each facet, whatever was asked for."""
    hint: str = ""
    """Where nothing fits: the names that are like the one that was asked for."""


def search(
    client: IndexClient,
    index: Index,
    words: Sequence[str],
    facets: Iterable[tuple[str, str]] = (),
) -> Searched:
    """Projects in whose name, summary or tags all `words` occur, with all `facets`.

    From the index's ``catalog.json`` where there is one, which knows facets; else
    from the list of its names.

    Raises:
        FetchError, PageError: If neither can be had.
    """
    wanted = [word.lower() for word in words]
    asked = tuple(facets)
    catalog = catalog_of(client, index)
    known = catalog
    if known is None:
        known = [Found(name, index.name) for name in client.names(index)]
    found = [one for one in known if _fits(one, wanted, asked)]
    found.sort(key=lambda one: _rank(one, wanted))
    names = [name for one in known for name in (one.name, one.plugin) if name]
    hint = meant("-".join(wanted), names) if wanted and not found else ""
    has = catalog is not None
    return Searched(index.name, tuple(found), has, _offers(known), hint)


def meant(name: str, names: Sequence[str]) -> str:
    """A sentence with the `names` that are like `name`, or ``""``.

    Of more than some thousands none is looked at: it is a kindness, and takes time.
    """
    if len(names) > _LIKE_LIMIT or len(name) > _NAME_CHARS:
        return ""
    return did_you_mean(name, dict.fromkeys(names))


def _fits(one: Found, words: Sequence[str], facets: Iterable[tuple[str, str]]) -> bool:
    has = one.facets or {}
    told = " ".join((one.name, one.plugin, one.summary, *has.get("tag", ()))).lower()
    return all(word in told for word in words) and all(
        value in has.get(facet, ()) for facet, value in facets
    )


def _rank(one: Found, words: Sequence[str]) -> tuple[bool, int, bool, str]:
    """What goes first: the very name, words in the name, words at its beginning."""
    names = one.name.lower(), one.plugin.lower()
    whole = canonicalize_name(" ".join(words)) if words else ""
    outside = sum(not any(word in name for name in names) for word in words)
    begins = bool(words) and any(name.startswith(words[0]) for name in names)
    return whole not in names, outside, not begins, one.name


def _offers(known: Iterable[Found]) -> Facets:
    values: dict[str, dict[str, None]] = {}
    for one in known:
        for facet, has in (one.facets or {}).items():
            values.setdefault(facet, {}).update(dict.fromkeys(has))
    return {facet: tuple(sorted(has)) for facet, has in values.items()}


def catalog_of(client: IndexClient, index: Index) -> list[Found] | None:
    """All that the index's catalog tells; None if it has none.

    Raises:
        FetchError, PageError: If it can't be had, or is unsound.
    """
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
        _plain(key): tuple(map(_plain, cast("list[object]", _kind(values, list))))
        for key, values in table.items()
    }
    texts = (_plain(entry.get(key) or "") for key in _KEYS)
    name, version, summary, status, plugin = texts
    return Found(name, index.name, version, summary, status, plugin, facets)


_KEYS = ("project", "version", "summary", "status", "name")


def _kind(value: object, kind: type[list[Any]] | type[dict[str, Any]]) -> object:
    """The value if it is of that kind, else an empty one."""
    return cast("object", value) if isinstance(value, kind) else kind()


def _plain(value: object) -> str:
    """A text for a terminal: short, and without control characters."""
    text = str(value)[:_TEXT_CHARS]
    return "".join(letter if letter.isprintable() else "?" for letter in text)
