r"""A package index on loopback: honest by default, as hostile as a test likes.

::

    with loopback_index() as index:
        index.add("lockgate-echo", "1.0", manifest=True)    # as tests.support.wheels
        index.url                                           # http://127.0.0.1:…/simple/

        index.project("lockgate-echo").status = {"status": "quarantined"}
        index.file("lockgate-echo", "1.0").row["hashes"] = {}
        index.answers["/simple/lockgate-echo/"] = lambda _: gzip_bomb()

An honest one speaks the Simple API 1.4 in JSON and HTML, whichever is asked for,
with ``.metadata``, ETags, conditional and range requests. What a page says of a file
is `Published.row`, the JSON entry; the HTML page is made from the same row.
"""

from __future__ import annotations

import contextlib
import datetime
import gzip
import hashlib
import html
import io
import json
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from tests.support.servers import Request, Server, http_server, reply
from tests.support.wheels import forge, wheel_filename

__all__ = [
    "HTML",
    "JSON",
    "LoopbackIndex",
    "Project",
    "Published",
    "compressed",
    "cut_short",
    "deep_json",
    "drip",
    "gzip_bomb",
    "loopback_index",
    "many_rows",
    "redirect",
]

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
LONG_AGO = "2025-01-01T00:00:00.000000Z"
"""When files were uploaded, where a test says nothing else."""

Answer = Callable[[Request], bytes | Iterable[bytes]]


@dataclass
class Published:
    """A file of the index: its bytes, and what the page says of it."""

    filename: str
    version: str
    content: bytes
    row: dict[str, Any]

    @property
    def sha256(self) -> str:
        """The hash of the bytes, whatever the page says."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Project:
    """What the index says of a project, besides its files."""

    name: str
    files: list[Published] = field(default_factory=list[Published])
    status: Any = None
    """``project-status``, or None for none."""
    versions: list[str] | None = None
    """PEP 700 versions, or None for those of the files."""
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    """More of ``meta``, like ``_last-serial``."""
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """More keys of the page."""
    base: str = ""
    """The ``<base href>`` of the HTML page."""


@dataclass
class LoopbackIndex:
    """The index; each attribute may be changed while it serves."""

    server: Server
    projects: dict[str, Project] = field(default_factory=dict[str, Project])
    served: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Further paths that are served, honestly, with these bytes."""
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    """Paths that are answered otherwise, whatever is there."""
    formats: tuple[str, ...] = (JSON, HTML)
    api_version: str = "1.4"
    etags: bool = True
    ranges: bool = True
    sidecars: bool = True

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def url(self) -> str:
        """The root of the Simple API."""
        return f"{self.origin}/simple/"

    @property
    def requests(self) -> list[Request]:
        """What was asked for so far."""
        return self.server.requests

    def asked(self, part: str = "") -> list[str]:
        """The targets that were asked for, those that hold `part`."""
        return [r.target for r in self.requests if part in r.target]

    def project(self, name: str) -> Project:
        """The project, made if there is none."""
        key = canonicalize_name(name)
        return self.projects.setdefault(key, Project(key))

    def file(self, name: str, version: str) -> Published:
        """The first file of a version."""
        return next(f for f in self.project(name).files if f.version == version)

    def add(
        self,
        name: str,
        version: str = "1.0",
        *,
        uploaded: str | datetime.datetime | None = LONG_AGO,
        yanked: str | bool = False,
        **wheel: Any,
    ) -> Published:
        """Forge a wheel and publish it; `wheel` is handed to `forge`."""
        content = forge(name, version, **wheel)
        filename = wheel_filename(name, version, wheel.get("tag", "py3-none-any"))
        published = self.publish(name, version, filename, content, uploaded=uploaded)
        if wheel.get("requires_python"):
            published.row["requires-python"] = wheel["requires_python"]
        if yanked:
            published.row["yanked"] = yanked
        return published

    def publish(
        self,
        name: str,
        version: str,
        filename: str,
        content: bytes,
        *,
        uploaded: str | datetime.datetime | None = LONG_AGO,
    ) -> Published:
        """Publish any bytes as a file."""
        published = Published(filename, version, content, {})
        row: dict[str, Any] = {
            "filename": filename,
            "url": f"../../files/{filename}",
            "hashes": {"sha256": published.sha256},
            "size": len(content),
            "yanked": False,
        }
        if uploaded is not None:
            row["upload-time"] = (
                uploaded if isinstance(uploaded, str) else uploaded.isoformat()
            )
        metadata = _metadata_of(content)
        if self.sidecars and metadata is not None:
            row["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
            self.served[f"/files/{filename}.metadata"] = metadata
        published.row = row
        self.served[f"/files/{filename}"] = content
        self.project(name).files.append(published)
        return published

    def json_page(self, name: str) -> dict[str, Any]:
        """The JSON page of a project, as it is served."""
        project = self.project(name)
        versions = project.versions
        if versions is None:
            versions = list(dict.fromkeys(f.version for f in project.files))
        page: dict[str, Any] = {
            "meta": {"api-version": self.api_version, **project.meta},
            "name": project.name,
            "versions": versions,
            "files": [f.row for f in project.files],
            **project.extra,
        }
        if project.status is not None:
            page["project-status"] = project.status
        return page

    def answer(self, request: Request) -> bytes | Iterable[bytes]:
        """What a request is answered with."""
        path = request.target.partition("?")[0]
        if path in self.answers:
            return self.answers[path](request)
        if path == "/simple/":
            names = [{"name": name} for name in sorted(self.projects)]
            page = {"meta": {"api-version": self.api_version}, "projects": names}
            anchors = [f'<a href="{n}/">{n}</a>' for n in sorted(self.projects)]
            return self._page(request, page, anchors, Project(""))
        found = re.fullmatch(r"/simple/([^/]+)/", path)
        if found and found[1] in self.projects:
            project = self.projects[found[1]]
            anchors = [_anchor(f.row) for f in project.files]
            return self._page(request, self.json_page(found[1]), anchors, project)
        if path in self.served:
            return self._bytes(request, self.served[path], "application/octet-stream")
        return reply(b"not found", "404 Not Found")

    def _page(
        self, request: Request, page: object, anchors: list[str], project: Project
    ) -> bytes:
        accepted = request.header("accept") or "*/*"
        if JSON in self.formats and (JSON in accepted or HTML not in self.formats):
            return self._bytes(request, json.dumps(page).encode(), JSON)
        head = f'<meta name="pypi:repository-version" content="{self.api_version}">'
        status: Any = project.status
        if isinstance(status, str):
            status = {"status": status}
        if status:
            said: dict[str, str] = status
            for key, value in said.items():
                name = "project-status" + ("-reason" if key == "reason" else "")
                head += f'<meta name="pypi:{name}" content="{html.escape(value)}">'
        if project.base:
            head += f'<base href="{project.base}">'
        text = f"<!DOCTYPE html><html><head>{head}</head><body>"
        text += "<br>\n".join(anchors) + "</body></html>"
        kind = HTML if HTML in accepted else "text/html"
        return self._bytes(request, text.encode(), kind)

    def _bytes(self, request: Request, body: bytes, kind: str) -> bytes:
        headers = [f"Content-Type: {kind}"]
        etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if self.etags:
            headers.append(f"ETag: {etag}")
            if request.header("if-none-match") == etag:
                return reply(b"", "304 Not Modified", tuple(headers))
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", request.header("range") or "")
        if_range = request.header("if-range")
        if not (self.ranges and wanted) or (if_range and if_range != etag):
            return reply(body, headers=tuple(headers))
        begin, end = _bounds(wanted[1], wanted[2], len(body))
        if begin >= len(body):
            headers.append(f"Content-Range: bytes */{len(body)}")
            return reply(b"", "416 Range Not Satisfiable", tuple(headers))
        headers.append(f"Content-Range: bytes {begin}-{end - 1}/{len(body)}")
        return reply(body[begin:end], "206 Partial Content", tuple(headers))


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """RFC 9110, section 14.1.2: the half-open range of a ``Range`` header."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


def _metadata_of(content: bytes) -> bytes | None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return None
    for name in archive.namelist():
        if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
            return archive.read(name)
    return None


def _anchor(row: dict[str, Any]) -> str:
    href = row["url"]
    for name, digest in row.get("hashes", {}).items():
        href += f"#{name}={digest}"
    marks = ""
    if "requires-python" in row:
        marks += f' data-requires-python="{html.escape(row["requires-python"])}"'
    if row.get("yanked"):
        reason = row["yanked"] if isinstance(row["yanked"], str) else ""
        marks += f' data-yanked="{html.escape(reason)}"'
    metadata: dict[str, str] = row.get("core-metadata") or {}
    if metadata:
        marks += f' data-core-metadata="sha256={metadata.get("sha256", "")}"'
    if row.get("provenance"):
        marks += f' data-provenance="{html.escape(row["provenance"])}"'
    return f'<a href="{html.escape(href)}"{marks}>{html.escape(row["filename"])}</a>'


@contextlib.contextmanager
def loopback_index(**how: Any) -> Generator[LoopbackIndex]:
    """Serve an empty index; `how` sets its attributes."""
    made: list[LoopbackIndex] = []
    with http_server(lambda request: made[0].answer(request)) as server:
        made.append(LoopbackIndex(server, **how))
        yield made[0]


def redirect(to: str, status: str = "302 Found") -> Answer:
    """Send whoever asks to `to`."""
    return lambda _: reply(b"", status, (f"Location: {to}",))


def drip(body: bytes, *, seconds: float, header: bool = False) -> Answer:
    """One byte each so many seconds: of the body, or even of the headers."""

    def pieces(_: Request) -> Iterator[bytes]:
        whole = reply(body, headers=(f"Content-Type: {JSON}",))
        head = b"" if header else whole[: -len(body)]
        if head:
            yield head
        for byte in whole[len(head) :]:
            time.sleep(seconds)
            yield bytes((byte,))

    return pieces


def cut_short(body: bytes, *, after: int, kind: str = JSON) -> Answer:
    """Promise the whole body and hang up after a part; ranges are ignored."""

    def pieces(_: Request) -> Iterator[bytes]:
        whole = reply(body, headers=(f"Content-Type: {kind}",))
        yield whole[: len(whole) - len(body) + after]
        raise ConnectionAbortedError

    return pieces


def gzip_bomb(inflated: int = 1 << 30, kind: str = JSON) -> bytes:
    """A page of blanks, a thousand times smaller on the wire."""
    packer = zlib.compressobj(1, wbits=31)
    block = b" " * (1 << 20)
    packed = b"".join(packer.compress(block) for _ in range(inflated >> 20))
    packed += packer.flush()
    return reply(packed, headers=("Content-Encoding: gzip", f"Content-Type: {kind}"))


def deep_json(depth: int = 200_000) -> bytes:
    """A page whose JSON is nested as deep as that."""
    body = b'{"meta": {"api-version": "1.0"}, "name": "x", "files": '
    body += b"[" * depth + b"]" * depth + b"}"
    return reply(body, headers=(f"Content-Type: {JSON}",))


def many_rows(row: dict[str, Any], count: int, *, pad: int = 1000) -> Answer:
    """A page that says the same of `count` files, made while it is sent.

    The file comes first. Each row is padded by so many bytes: 400,000 rows are
    480 MB.
    """
    filler = {**row, "filename": "", "padding": "x" * pad}

    def pieces(_: Request) -> Iterator[bytes]:
        yield f"HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n".encode()
        yield b"Connection: close\r\n\r\n"
        head = {"meta": {"api-version": "1.1"}, "name": _project_of(row)}
        yield json.dumps(head)[:-1].encode() + b', "versions": [], "files": ['
        yield json.dumps(row).encode()
        for number in range(count - 1):
            other = f"{_project_of(row)}-0.{number}-py3-none-any.whl"
            yield b"," + json.dumps({**filler, "filename": other}).encode()
        yield b"]}"
        raise ConnectionAbortedError

    return pieces


def _project_of(row: dict[str, Any]) -> str:
    return str(row["filename"]).partition("-")[0]


def compressed(body: bytes, kind: str = JSON) -> bytes:
    """The body as a server sends it compressed."""
    headers = ("Content-Encoding: gzip", f"Content-Type: {kind}")
    return reply(gzip.compress(body), headers=headers)
