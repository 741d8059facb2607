"""An index as everything above sees it: fetched, parsed, held against the past."""

from __future__ import annotations

from pathlib import Path

from packaging.utils import canonicalize_name

from lockgate_marketplace.errors import FetchError, PageError
from lockgate_marketplace.fetch import Fetcher, Wanted
from lockgate_marketplace.memory import Freshness, Seen
from lockgate_marketplace.resolve._metadata import (
    fetch_manifest,
    fetch_metadata,
    forget_metadata,
)
from lockgate_marketplace.simple import (
    ACCEPT,
    IndexFile,
    ProjectPage,
    parse_names,
    parse_page,
)
from lockgate_marketplace.sources import Index, Sources

__all__ = ["IndexClient"]


class IndexClient:
    """Looks things up, each page once."""

    def __init__(
        self, sources: Sources, fetcher: Fetcher, freshness: Freshness
    ) -> None:
        self.sources = sources
        self.fetcher = fetcher
        self.freshness = freshness
        self._pages: dict[tuple[str, str], Seen] = {}

    def page(self, index: Index, name: str) -> Seen:
        """What `index` says of a project.

        Raises:
            FetchError, PageError: If the page can't be had, or is unsound.
            PageError: `page-quarantined` if the index says so, whatever it lists.
            FreshnessError: If it contradicts what the index said before.
        """
        key = index.name, canonicalize_name(name)
        if key not in self._pages:
            page = self.look(index, name)
            seen = self.freshness.observe(page)
            if page.status == "quarantined":
                message = f"{page.name} is in quarantine"
                if page.reason:
                    message += f": {ascii(page.reason[:200])[1:-1]}"
                where = f"{index.name}/{page.name}"
                raise PageError("page-quarantined", message, where=where)
            self._pages[key] = seen
        return self._pages[key]

    def look(self, index: Index, name: str) -> ProjectPage:
        """What `index` says of a project, whatever it said before.

        Raises:
            FetchError, PageError: If the page can't be had, or is unsound.
        """
        url = index.project_url(name)
        try:
            response = self.fetcher.page(index, url, accept=ACCEPT)
        except FetchError as error:
            if error.code != "fetch-missing":
                raise
            message = f"the index {index.name} has no project {canonicalize_name(name)}"
            hint = "Check the spelling, and whether it is the right index."
            raise FetchError("fetch-missing", message, where=url, hint=hint) from None
        return parse_page(
            response.content,
            response.kind,
            index=index,
            name=name,
            url=response.url,
            serial=response.serial,
        )

    def metadata(self, index: Index, file: IndexFile) -> bytes:
        """The wheel's METADATA, without the wheel where that is possible.

        It may be a lie: `Pinned.check` compares it with the wheel.

        Raises:
            PageError: If it is not what the page describes, or can't be read.
            FetchError: If it can't be had.
        """
        return fetch_metadata(self.fetcher, index, file)

    def forget_metadata(self, index: Index, file: IndexFile) -> None:
        """Ask for METADATA anew the next time: `Pinned.check` found another's."""
        forget_metadata(self.fetcher, index, file)

    def manifest(self, index: Index, file: IndexFile) -> dict[str, object] | None:
        """The plugin's manifest as data, if the index has it beside the wheel.

        Raises:
            PageError: If it is not what the page describes.
            FetchError: If it can't be had.
        """
        return fetch_manifest(self.fetcher, index, file)

    def names(self, index: Index) -> tuple[str, ...]:
        """The names of all projects of an index.

        Raises:
            FetchError, PageError: If they can't be had.
        """
        limit = self.fetcher.limits.list_bytes
        response = self.fetcher.page(index, index.url, accept=ACCEPT, limit=limit)
        return parse_names(response.content, response.kind, index)

    def wanted(self, index: Index, file: IndexFile, to: Path) -> Wanted:
        """The download of a file."""
        return Wanted(index, file.url, to, file.sha256, file.size)
