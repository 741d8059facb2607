"""A name that no project has: which one holds a plugin of it, or has one like it."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from packaging.utils import canonicalize_name

from lockgate_marketplace.errors import FetchError, MarketplaceError
from lockgate_marketplace.resolve._client import IndexClient
from lockgate_marketplace.resolve._search import Found, catalog_of, meant
from lockgate_marketplace.resolve._want import Want
from lockgate_marketplace.sources import Index

__all__ = ["projects_told"]

_CUSTOM = ("lockgate-{}", "lockgate-plugin-{}")
"""What projects are called by `lockgate new`, and by custom."""


@contextmanager
def projects_told(wants: Iterable[Want], client: IndexClient) -> Generator[None]:
    """Where a name that is wanted is no project, say which projects may be meant.

    Those that hold a plugin of that name, else those whose own name is like it. It is
    said and not taken: anybody may give a plugin any name.

    Raises:
        FetchError: ``fetch-missing``, with the projects in its hint.
    """
    try:
        yield
    except FetchError as error:
        if error.code != "fetch-missing":
            raise
        for want in wants:
            index = client.sources.bind(want.requirement.name, want.index)
            if index.project_url(want.requirement.name) == error.where:
                raise _told(error, want, index, client) from None
        raise


def _told(
    error: FetchError, want: Want, index: Index, client: IndexClient
) -> FetchError:
    name = canonicalize_name(want.requirement.name)
    try:
        known = catalog_of(client, index)
        found = _holding(client, index, name, known)
    except MarketplaceError:  # it is a kindness: what was refused is said already
        return error
    if found:
        asked = " or ".join(f"{index.name}/{one}" for one in found)
        hint = f"A plugin of that name is in another project: ask for {asked}"
    else:
        # An index without a catalog may list half a million names: none is asked for.
        hint = meant(name, [one.name for one in known or ()])
    if not hint:
        return error
    return FetchError("fetch-missing", error.message, where=error.where, hint=hint)


def _holding(
    client: IndexClient, index: Index, name: str, known: list[Found] | None
) -> list[str]:
    """The projects that hold the plugin `name`, as the index's catalog says.

    Without a catalog, those of the customary names that the index has.
    """
    if known is not None:
        return [one.name for one in known if canonicalize_name(one.plugin) == name]
    found: list[str] = []
    for custom in _CUSTOM:
        try:
            found.append(client.look(index, custom.format(name)).name)
        except FetchError as error:
            if error.code != "fetch-missing":
                raise
    return found
