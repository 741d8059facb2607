"""``lockgate search``: what the configured indexes have."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import did_you_mean
from lockgate.verb import (
    Subparsers,
    installed,
    one_line,
    print_json,
    print_lines,
    print_table,
    print_warning,
    progress,
    settings,
)

if TYPE_CHECKING:
    from lockgate_marketplace.errors import MarketplaceError
    from lockgate_marketplace.resolve import Found, IndexClient, Searched
    from lockgate_marketplace.sources import Index, Sources

__all__ = ["add", "run"]

_FACETS = {
    "kind": "of this kind: generator, analyzer …",
    "hook": "that answer this hook",
    "tier": "that ask for this tier",
    "right": "that ask for this right: net, read …; none: that ask for nothing",
}


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "search", description="Look for plugins in the configured indexes."
    )
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="in its name, summary or tags, each"
    )
    for facet, text in _FACETS.items():
        parser.add_argument(
            f"--{facet}",
            action="append",
            default=[],
            metavar=facet.upper(),
            help=f"only plugins {text}",
        )
    parser.add_argument("--index", default="", metavar="INDEX", help="only in this one")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Ask each index; one that can't be asked is told, with status 1.

    Raises:
        SourceError: If no index is configured, or none of that name.
        MarketplaceError: If the only one can't be asked.
    """
    from lockgate_marketplace.resolve import open_client

    config = settings(args)
    facets = [(name, value) for name in _FACETS for value in getattr(args, name)]
    with (
        progress("searching", quiet=args.json),
        open_client(config.for_plugin("marketplace"), Path(config.data_dir)) as client,
    ):
        indexes = _indexes(client.sources, args.index)
        searched, failed = _searched(client, indexes, args.words, facets)
    here = {p.distribution: p.version for p in installed(config).plugins}
    if args.json:
        print_json(_data(searched, failed, here))
    else:
        _print(searched, facets, here)
        for error in failed:
            print_warning(error)
    return 1 if failed else 0


def _indexes(sources: Sources, name: str) -> Sequence[Index]:
    from lockgate_marketplace.errors import SourceError

    if name:
        return [sources.named(name)]
    if not sources.indexes:
        raise SourceError("source-none", "there is nothing to search")
    return list(sources.indexes.values())


def _searched(
    client: IndexClient,
    indexes: Sequence[Index],
    words: Sequence[str],
    facets: Sequence[tuple[str, str]],
) -> tuple[list[Searched], list[MarketplaceError]]:
    from lockgate_marketplace.errors import MarketplaceError
    from lockgate_marketplace.resolve import search

    found: list[Searched] = []
    failed: list[MarketplaceError] = []
    for index in indexes:
        try:
            found.append(search(client, index, words, facets))
        except MarketplaceError as error:
            if len(indexes) == 1:
                raise
            failed.append(error)
    return found, failed


def _data(
    searched: Sequence[Searched],
    failed: Sequence[MarketplaceError],
    here: Mapping[str, str],
) -> dict[str, object]:
    return {
        "plugins": [
            {
                "name": found.name,
                "index": found.index,
                "plugin": found.plugin or None,
                "version": found.version or None,
                "installed": here.get(found.name),
                "summary": found.summary,
                "status": found.status or None,
                "facets": found.facets,
            }
            for one in searched
            for found in one.found
        ],
        "indexes": [
            {
                "name": one.index,
                "catalog": one.catalog,
                "found": len(one.found),
                "hint": one.hint,
            }
            for one in searched
        ],
        "failed": [error.to_dict() for error in failed],
    }


def _print(
    searched: Sequence[Searched],
    facets: Sequence[tuple[str, str]],
    here: Mapping[str, str],
) -> None:
    rows = [_row(found, here) for one in searched for found in one.found]
    if rows:
        print_table(["name", "version", "index", "installed", "kinds", "about"], rows)
    else:
        print_lines(["Nothing was found."])
    for one in searched:
        print_lines(map(one_line, _notes(one, facets)))


def _row(found: Found, here: Mapping[str, str]) -> list[str]:
    about = found.summary
    if found.status not in ("", "active"):
        about = f"({found.status}) {about}"
    kinds = ",".join((found.facets or {}).get("kind", ())) or "-"
    there = here.get(found.name, "-")
    return [found.name, found.version or "?", found.index, there, kinds, about]


def _notes(one: Searched, facets: Sequence[tuple[str, str]]) -> Iterator[str]:
    """What may have been meant, and why there may be more than was found."""
    if one.hint:
        yield f"{one.index}: {one.hint}"
    if not one.catalog:
        what = "plugins by " + ", ".join(name for name, _ in facets) if facets else ""
        yield f"{one.index} has no catalog: only names were searched" + (
            f"; it can't tell {what}" if what else ""
        )
        return
    for name, value in facets:
        offered = one.offers.get(name, ())
        if value not in offered:
            hint = did_you_mean(value, offered) or f"There: {', '.join(offered)}."
            yield f"{one.index} has no plugin whose {name} is {value}. {hint}"
