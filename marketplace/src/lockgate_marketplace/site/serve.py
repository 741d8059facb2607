"""``lockgate index serve``: a site on loopback, for trying; it reads, and no more.

It serves regular files below one folder, opened part by part without following a
link, so that no path leads out. A folder is its ``index.html``, and never a list.
Where a page has a JSON form beside its HTML, whoever asks for the Simple API's JSON
gets that (PEP 691); any plain server gives the HTML, which pip and uv read as well.
A request has to be there in time, as a whole, and only so many are answered at once.
"""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site.opened import Opened, open_below, parts_of
from lockgate_marketplace.site.state import STATE_FILE

__all__ = ["Server"]

_HOST = "127.0.0.1"
_CHUNK_BYTES = 64 * 1024
_TIMEOUT_SECONDS = 20
"""For a whole request, however many pieces it comes in; and for each piece that is
sent."""
_CONNECTIONS = 64
_SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"
_SIMPLE_HTML = "application/vnd.pypi.simple.v1+html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".xml": "application/atom+xml",
    ".whl": "application/zip",
    ".metadata": "text/plain; charset=utf-8",
    ".provenance": "application/vnd.pypi.integrity.v1+json",
    ".signature": "application/json",
}
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")
_NAMES = frozenset({"127.0.0.1", "localhost"})


class Server(ThreadingHTTPServer):
    """A site at ``http://127.0.0.1:PORT/``; `port` 0 lets the system choose.

    Raises:
        PublishError: If `site` is no index (`index-site-foreign`).
        OSError: If the port is taken.
    """

    daemon_threads = True

    def __init__(
        self, site: Path, port: int = 0, *, timeout: float = _TIMEOUT_SECONDS
    ) -> None:
        if not (site / STATE_FILE).is_file():
            message = f"{site} is no index that `lockgate index build` made"
            hint = "Make one: lockgate index build WHEELS --out SITE"
            raise PublishError(
                "index-site-foreign", message, where=str(site), hint=hint
            )
        self.site = site.resolve()
        self.patience = timeout
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        super().__init__((_HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The site's address."""
        return f"http://{_HOST}:{self.server_address[1]}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer on a thread, unless too many are at it: then hang up."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and leave the place to somebody else."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class _Timed(io.RawIOBase):
    """What a connection sends, until a time that whoever drips can't put off."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.until = float("inf")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "lockgate-index"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self._timed = _Timed(self.connection)
        self.rfile = io.BufferedReader(self._timed)

    def handle_one_request(self) -> None:
        patience = self._serves().patience
        self._timed.until = time.monotonic() + patience
        try:
            super().handle_one_request()
        except TimeoutError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: a request's words are a stranger's."""

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def _answer(self, *, body: bool) -> None:
        self.connection.settimeout(self._serves().patience)
        # A page of another site may know our port by another name (DNS rebinding).
        if _hostname(self.headers.get("Host", "")) not in _NAMES:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, body=body)
            return
        raw = urlsplit(self.path).path
        parts = parts_of(raw)
        if parts is None:
            self._refuse(HTTPStatus.NOT_FOUND, body=body)
            return
        found = open_below(self._serves().site, parts, json=self._wants_json())
        if found is None:
            self._refuse(HTTPStatus.NOT_FOUND, body=body)
            return
        with found.file:
            is_folder = found.name.startswith("index.") and parts[-1:] != [found.name]
            if is_folder and not raw.endswith("/"):
                self._redirect(f"/{quote('/'.join(parts))}/")
                return
            self._send(found, body=body)

    def _serves(self) -> Server:
        assert isinstance(self.server, Server)  # noqa: S101 - it made this handler
        return self.server

    def _wants_json(self) -> bool:
        """Whether the Simple API's JSON is asked for, and before its HTML."""
        accept = self.headers.get("Accept", "")
        weights = {
            kind.strip(): _quality(parameters)
            for one in accept.split(",")
            for kind, _, parameters in [one.partition(";")]
        }
        return weights.get(_SIMPLE_JSON, 0) > max(
            weights.get("text/html", 0), weights.get(_SIMPLE_HTML, 0)
        )

    def _send(self, found: Opened, *, body: bool) -> None:
        if found.etag in self.headers.get("If-None-Match", ""):
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.send_header("ETag", found.etag)
            self.end_headers()
            return
        total = found.status.st_size
        span = self._range(found, total)
        if span is None:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{total}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first, count, partial = span
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        if partial:
            last = first + count - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{total}")
        self.send_header("Content-Type", self._type(found.name))
        self.send_header("Content-Length", str(count))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", found.etag)
        self.send_header("Vary", "Accept")
        self.send_header(
            "Last-Modified", formatdate(found.status.st_mtime, usegmt=True)
        )
        self.end_headers()
        if body:
            found.file.seek(first)
            self._copy(found.file, count)

    def _copy(self, file: BinaryIO, count: int) -> None:
        while count > 0:
            chunk = file.read(min(count, _CHUNK_BYTES))
            if not chunk:  # it was cut short under us: the reader must see that
                self.close_connection = True
                return
            self.wfile.write(chunk)
            count -= len(chunk)

    def _range(self, found: Opened, total: int) -> tuple[int, int, bool] | None:
        """First byte, number of bytes, whether that is a part; None if it is outside.

        One range is understood; anything else is answered with the whole (RFC 9110,
        14.2), and so is a range of what has changed since (If-Range).
        """
        asked = _RANGE.match(self.headers.get("Range", ""))
        if asked is None or self.headers.get("If-Range", found.etag) != found.etag:
            return 0, total, False
        begin, end = asked.groups()
        if not begin and not end:
            return 0, total, False
        if not begin:
            count = min(int(end), total)
            return (total - count, count, True) if count else None
        first = int(begin)
        last = min(int(end), total - 1) if end else total - 1
        if first >= total or last < first:
            return None
        return first, last - first + 1, True

    def _type(self, name: str) -> str:
        if name == "index.json" and urlsplit(self.path).path.startswith("/simple/"):
            return _SIMPLE_JSON
        return _TYPES.get(Path(name).suffix, "application/octet-stream")

    def _redirect(self, to: str) -> None:
        self.send_response(HTTPStatus.MOVED_PERMANENTLY)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _refuse(self, status: HTTPStatus, *, body: bool) -> None:
        text = f"{status.value} {status.phrase}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if body:
            self.wfile.write(text)


def _hostname(host: str) -> str:
    """The name in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _quality(parameters: str) -> float:
    """The weight of a media range (RFC 9110, 12.4.2); 1 without one."""
    for one in parameters.split(";"):
        key, _, value = one.strip().partition("=")
        if key == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1
