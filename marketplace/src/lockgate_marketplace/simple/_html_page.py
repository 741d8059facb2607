"""The HTML form of a page (PEP 503, 592, 629, 714, 740, 792), and nothing but anchors.

The standard library's parser is lenient and, on malformed pages, quadratic: the time
that it may take is bounded, and the number of tags. It is fed piece by piece: what it
has not understood of the pieces so far is one tag, however many it looks like. Nothing
is kept that no reader asks for: a page can be all attributes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.fetch import allowed, joined
from lockgate_marketplace.simple._json_page import api_version
from lockgate_marketplace.simple._limits import PageLimits
from lockgate_marketplace.simple._page import IndexFile, ProjectPage
from lockgate_marketplace.simple._row import Row, Rows, moment

__all__ = ["Anchor", "html_page", "read_html"]

_MANIFEST_SUFFIX = ".lockgate.json"
_SIGNATURE_SUFFIX = ".signature"
_METADATA = ("data-core-metadata", "data-dist-info-metadata")
_META = frozenset(
    {
        "pypi:repository-version",
        "pypi:project-status",
        "pypi:project-status-reason",
    }
)
_TAGS_PER_LINK = 5
_NONE: Mapping[str, str] = {}


@dataclass(slots=True)
class Anchor:
    """A link: its attributes, the first of each name, and its text."""

    attributes: Mapping[str, str]
    text: str = ""


@dataclass(slots=True)
class _Document:
    base: str = ""
    meta: dict[str, str] = field(default_factory=dict[str, str])
    anchors: list[Anchor] = field(default_factory=list[Anchor])


class _Parser(HTMLParser):
    def __init__(self, limits: PageLimits, where: str, *, texts: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.found = _Document()
        self._open: Anchor | None = None
        self._limits, self._where, self._texts = limits, where, texts
        self._end = time.monotonic() + limits.html_seconds

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at_the_clock()
        given = {key: value or "" for key, value in reversed(attrs)}
        if tag == "a":
            self._open = Anchor(_NONE if self._texts else given)
            self.found.anchors.append(self._open)
            if len(self.found.anchors) > self._limits.links:
                message = f"more than {self._limits.links:,} links"
                raise PageError("page-too-many", message, where=self._where)
        elif tag == "base":
            self.found.base = self.found.base or given.get("href", "")
        elif tag == "meta" and given.get("name") in _META:
            self.found.meta.setdefault(given["name"], given.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        self._look_at_the_clock()
        if tag == "a":
            self._open = None

    def handle_data(self, data: str) -> None:
        self._look_at_the_clock()
        if self._open is not None:
            self._open.text += data
            if len(self._open.text) > self._limits.text_chars:
                message = f"a link's text of more than {self._limits.text_chars:,} "
                message += "characters"
                raise PageError("page-invalid", message, where=self._where)

    def handle_comment(self, data: str) -> None:  # noqa: ARG002 - only time counts
        self._look_at_the_clock()

    def handle_decl(self, decl: str) -> None:  # noqa: ARG002
        self._look_at_the_clock()

    def handle_pi(self, data: str) -> None:  # noqa: ARG002
        self._look_at_the_clock()

    def unknown_decl(self, data: str) -> None:  # noqa: ARG002
        self._look_at_the_clock()

    def _look_at_the_clock(self) -> None:
        if time.monotonic() > self._end:
            message = f"reading it took more than {self._limits.html_seconds:g} seconds"
            raise PageError("page-invalid", message, where=self._where)


def read_html(
    raw: bytes, limits: PageLimits, where: str, *, texts: bool = False
) -> _Document:
    """Base, meta and anchors of a page; of anchors the text alone with `texts`.

    Raises:
        PageError: If it is no HTML, too long to read, or has too many links.
    """
    tags = raw.count(b"<")
    if tags > _TAGS_PER_LINK * limits.links + 1_000:
        raise PageError("page-invalid", f"{tags:,} tags", where=where)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PageError("page-invalid", f"no UTF-8: {error}", where=where) from None
    parser = _Parser(limits, where, texts=texts)
    try:
        for at in range(0, len(text), limits.piece_chars):
            parser.feed(text[at : at + limits.piece_chars])
            if len(parser.rawdata) > limits.tag_chars:
                message = f"a tag of more than {limits.tag_chars:,} characters"
                raise PageError("page-invalid", message, where=where)
        parser.close()
    except (AssertionError, ValueError) as error:  # what the parser cannot read at all
        message = f"no HTML: {str(error)[:80]}"
        raise PageError("page-invalid", message, where=where) from None
    return parser.found


def html_page(raw: bytes, rows: Rows, limits: PageLimits) -> ProjectPage:
    """Read the page.

    Raises:
        PageError: If it is unsound.
        FetchError: If a file, or the page's base, is where the index may not lead.
    """
    where = f"{rows.index.name}/{rows.name}"
    found = read_html(raw, limits, where)
    version = api_version(found.meta.get("pypi:repository-version", "1.0"), where)
    base = rows.base
    if found.base:
        base = joined(base, found.base)
        allowed(rows.index, base)
    rows = Rows(rows.index, rows.name, base)
    files: list[IndexFile] = []
    others: list[str] = []
    for anchor in found.anchors:
        row = _row(anchor, where)
        file = rows.file(row)
        if file is None:
            others.append(row.filename)
        else:
            files.append(file)
    return ProjectPage(
        rows.name,
        rows.index.name,
        version,
        found.meta.get("pypi:project-status", "active"),
        found.meta.get("pypi:project-status-reason", ""),
        files=tuple(files),
        others=tuple(others),
    )


def _row(anchor: Anchor, where: str) -> Row:
    given = anchor.attributes
    url, _, fragment = given.get("href", "").partition("#")
    text = given.get("data-upload-time", "")
    try:
        uploaded = moment(text) if text else None
    except ValueError:
        message = f"data-upload-time is {text[:60]!r}"
        raise PageError("page-invalid", message, where=where) from None
    metadata = next((given[key] for key in _METADATA if key in given), None)
    manifest = _digest(given.get("data-lockgate-manifest", ""))
    signature = _digest(given.get("data-lockgate-signature", ""))
    return Row(
        anchor.text.strip(),
        url,
        _digest(fragment),
        requires_python=given.get("data-requires-python", ""),
        yanked=given.get("data-yanked"),
        upload_time=uploaded,
        metadata_sha256=None
        if metadata in (None, "false")
        else _digest(metadata or ""),
        provenance_url=given.get("data-provenance", ""),
        manifest_sha256=manifest,
        manifest_url=f"{url}{_MANIFEST_SUFFIX}" if manifest else "",
        signature_sha256=signature,
        signature_url=f"{url}{_SIGNATURE_SUFFIX}" if signature else "",
    )


def _digest(text: str) -> str:
    """The digest of ``sha256=…``; another algorithm's is as good as none."""
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name == "sha256":
            return value
    return ""
