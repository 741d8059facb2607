"""The JSON form of a page (PEP 691, 700, 714, 740, 792), by types only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from packaging.utils import canonicalize_name

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.simple._bounded_json import load
from lockgate_marketplace.simple._limits import PageLimits
from lockgate_marketplace.simple._page import IndexFile, ProjectPage
from lockgate_marketplace.simple._row import Row, Rows, moment

__all__ = ["Reader", "api_version", "json_page"]

T = TypeVar("T")
_VERSION = re.compile(r"([0-9]{1,4})\.[0-9]{1,4}")


def api_version(text: str, where: str) -> str:
    """The version of the API, if it is one that is known here (PEP 629).

    Raises:
        PageError: If it is a later one, or none.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        message = f"{text[:40]!r} is no version of the API"
        raise PageError("page-invalid", message, where=where)
    if int(found[1]) != 1:
        message = f"the page is of version {text} of the API"
        raise PageError("page-api-version", message, where=where)
    return text


class Reader:
    """Typed access to an object of JSON; a wrong type is an error with its place."""

    def __init__(self, data: object, where: str) -> None:
        self._data = cast("Mapping[str, Any]", data)
        self.where = where

    def get(self, key: str, kind: type[T], default: T) -> T:
        """The value of `key`; `default` if it is absent or null."""
        value = self._data.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (
            kind is not bool and isinstance(value, bool)
        ):
            raise self.wrong(key, value)
        return value

    def any(self, *keys: str) -> Any:
        """The value of the first of `keys` that is there, or None."""
        return next((self._data[key] for key in keys if key in self._data), None)

    def table(self, key: str) -> Reader:
        """The object at `key`; an empty one if there is none."""
        empty: dict[str, Any] = {}
        return Reader(self.get(key, dict, empty), f"{self.where}, {key}")

    def inner(self, key: str, value: object) -> Reader:
        """The object `value`, which was found at `key`."""
        if not isinstance(value, dict):
            raise self.wrong(key, value)
        return Reader(cast("object", value), self.where)

    def wrong(self, key: str, value: object) -> PageError:
        """The error of a value that is not what it must be."""
        message = f"{key!r} is {type(value).__name__} {str(value)[:60]!r}"
        return PageError("page-invalid", message, where=self.where)


def json_page(raw: bytes, rows: Rows, limits: PageLimits) -> ProjectPage:
    """Read the page.

    Raises:
        PageError: If it is unsound.
        FetchError: If a file is where the index may not lead.
    """
    where = f"{rows.index.name}/{rows.name}"
    top = Reader(load(raw, limits, where), where)
    meta = top.table("meta")
    version = api_version(meta.get("api-version", str, ""), where)
    name = top.get("name", str, "")
    if canonicalize_name(name) != rows.name:
        raise PageError("page-name", f"it is the page of {name[:80]!r}", where=where)
    listed: list[Any] = top.get("files", list, [])
    if len(listed) > limits.files:
        raise PageError("page-too-many", f"{len(listed):,} files", where=where)
    files: list[IndexFile] = []
    others: list[str] = []
    for entry in listed:
        row = _row(top.inner("files", entry))
        file = rows.file(row)
        if file is None:
            others.append(row.filename)
        else:
            files.append(file)
    status, reason = _status(top, meta)
    return ProjectPage(
        rows.name,
        rows.index.name,
        version,
        status,
        reason,
        _serial(meta),
        tuple(map(str, top.get("versions", list, []))),
        tuple(files),
        tuple(others),
    )


def _row(entry: Reader) -> Row:
    filename = entry.get("filename", str, "")
    entry.where += f" {ascii(filename[:120])[1:-1]}"
    size = entry.get("size", int, -1)
    ours = entry.table("_lockgate")
    manifest, signature = ours.table("manifest"), ours.table("signature")
    return Row(
        filename,
        entry.get("url", str, ""),
        entry.table("hashes").get("sha256", str, ""),
        size if size >= 0 else None,
        entry.get("requires-python", str, ""),
        _yanked(entry),
        _upload_time(entry),
        _metadata(entry),
        entry.get("provenance", str, ""),
        manifest.get("sha256", str, ""),
        manifest.get("url", str, ""),
        signature.get("sha256", str, ""),
        signature.get("url", str, ""),
    )


def _yanked(entry: Reader) -> str | None:
    yanked = entry.any("yanked")
    if yanked is None or yanked is False:
        return None
    if yanked is True:
        return ""
    return entry.get("yanked", str, "")


def _upload_time(entry: Reader) -> datetime | None:
    text = entry.get("upload-time", str, "")
    try:
        return moment(text) if text else None
    except ValueError:
        raise entry.wrong("upload-time", text) from None


def _metadata(entry: Reader) -> str | None:
    """PEP 714: under which name it comes, and that it may be no more than true."""
    keys = ("core-metadata", "data-dist-info-metadata", "dist-info-metadata")
    value = entry.any(*keys)
    if value is None or value is False:
        return None
    if value is True:
        return ""
    return entry.inner("core-metadata", value).get("sha256", str, "")


def _status(top: Reader, meta: Reader) -> tuple[str, str]:
    """PEP 792: an object in its prose, a string of `meta` in its example."""
    for place in (top, meta):
        value: object = place.any("project-status")
        if isinstance(value, str):
            return value, place.get("project-status-reason", str, "")
        if value is not None:
            said = place.inner("project-status", value)
            return said.get("status", str, "active"), said.get("reason", str, "")
    return "active", ""


def _serial(meta: Reader) -> int | None:
    value = meta.any("_last-serial")
    if isinstance(value, str) and value.isascii() and value[:20].isdigit():
        return int(value[:20])
    return value if isinstance(value, int) and not isinstance(value, bool) else None
