"""The page of all projects: their names, nothing else."""

from __future__ import annotations

from packaging.utils import InvalidName, canonicalize_name

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.simple._bounded_json import load
from lockgate_marketplace.simple._html_page import read_html
from lockgate_marketplace.simple._json_page import Reader, api_version
from lockgate_marketplace.simple._limits import LIST
from lockgate_marketplace.simple._parse import form_of
from lockgate_marketplace.sources import Index

__all__ = ["parse_names"]


def parse_names(raw: bytes, kind: str, index: Index) -> tuple[str, ...]:
    """The normalised names of an index's projects, in its order, each once.

    Raises:
        PageError: If the page is unsound. A name that is none is left out.
    """
    where = index.name
    if form_of(kind, where) == "json":
        top = Reader(load(raw, LIST, where), where)
        api_version(top.table("meta").get("api-version", str, ""), where)
        said: list[str] = []
        for entry in top.get("projects", list, []):
            said.append(top.inner("projects", entry).get("name", str, ""))
    else:
        found = read_html(raw, LIST, where, texts=True)
        api_version(found.meta.get("pypi:repository-version", "1.0"), where)
        said = [anchor.text.strip() for anchor in found.anchors]
    if len(said) > LIST.names:
        raise PageError("page-too-many", f"{len(said):,} names", where=where)
    names: dict[str, None] = {}
    for name in said:
        try:
            names[canonicalize_name(name, validate=True)] = None
        except InvalidName:
            continue
    return tuple(names)
