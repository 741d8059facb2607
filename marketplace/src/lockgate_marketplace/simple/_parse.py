"""A project's page, in whichever form the index gave it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.simple._html_page import html_page
from lockgate_marketplace.simple._json_page import json_page
from lockgate_marketplace.simple._limits import PageLimits
from lockgate_marketplace.simple._page import ProjectPage
from lockgate_marketplace.simple._row import Rows
from lockgate_marketplace.sources import Index

__all__ = ["ACCEPT", "form_of", "parse_page"]

ACCEPT = (
    "application/vnd.pypi.simple.v1+json, "
    "application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
)
"""What a request for a page should accept: JSON first."""

_SIMPLE = re.compile(r"application/vnd\.pypi\.simple\.v(\d{1,4})\+(json|html)")


def form_of(kind: str, where: str) -> Literal["json", "html"]:
    """Which form a content type stands for.

    Raises:
        PageError: If none, or one of a later version of the API.
    """
    plain = kind.partition(";")[0].strip().lower()
    found = _SIMPLE.fullmatch(plain)
    if found is not None and int(found[1]) != 1:
        message = f"the page is {plain}"
        raise PageError("page-api-version", message, where=where)
    if plain == "application/json" or (found and found[2] == "json"):
        return "json"
    if plain == "text/html" or found:
        return "html"
    message = f"the page's content type is {plain[:80]!r}"
    raise PageError("page-content-type", message, where=where)


def parse_page(
    raw: bytes,
    kind: str,
    *,
    index: Index,
    name: str,
    url: str,
    serial: str = "",
    limits: PageLimits | None = None,
) -> ProjectPage:
    """What `raw` says about the project `name`.

    `kind` is its content type, `url` where it came from in the end, `serial` the
    header that some indexes send.

    Raises:
        PageError: If it is unsound: then nothing of it is used.
        FetchError: If it names a place where the index may not lead.
    """
    rows = Rows(index, canonicalize_name(name), url)
    read = json_page if form_of(kind, f"{index.name}/{name}") == "json" else html_page
    page = read(raw, rows, limits or PageLimits())
    if page.serial is None and serial.isascii() and serial[:20].isdigit():
        page = replace(page, serial=int(serial[:20]))
    _check(page)
    return page


def _check(page: ProjectPage) -> None:
    """What the files of a page must be to each other and to its versions."""
    where = f"{page.index}/{page.name}"
    seen: set[str] = set()
    listed = {_normal(version) for version in page.versions}
    for file in page.files:
        if file.filename in seen:
            message = f"{file.filename} is listed twice"
            raise PageError("page-invalid", message, where=where)
        seen.add(file.filename)
        if listed and file.wheel.version not in listed:
            message = f"{file.filename} is of none of the versions that it lists"
            raise PageError("page-version", message, where=where)


def _normal(version: str) -> str:
    try:
        return str(Version(version))
    except InvalidVersion:
        return version
