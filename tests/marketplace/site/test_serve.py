"""The server reads a site, and nothing else."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import Server, build
from lockgate_marketplace.site.opened import open_below
from lockgate_marketplace.site.regular import open_regular
from tests.marketplace.site.conftest import serving
from tests.marketplace.site.samples import plugin_wheel

WHEEL = "files/lockgate-acme/lockgate_acme-1.1-py3-none-any.whl"


def raw(url: str, request: bytes) -> bytes:
    """Send bytes as they are: an HTTP client would mend them first."""
    port = urlsplit(url).port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
        peer.sendall(request)
        peer.shutdown(socket.SHUT_WR)
        found = b""
        while chunk := peer.recv(65536):
            found += chunk
        return found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("simple/", "text/html; charset=utf-8"),
        ("simple/six/index.json", "application/vnd.pypi.simple.v1+json"),
        ("catalog.json", "application/json"),
        ("feed.xml", "application/atom+xml"),
        ("style.css", "text/css; charset=utf-8"),
        ("script.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        (WHEEL, "application/zip"),
        (f"{WHEEL}.metadata", "text/plain; charset=utf-8"),
        (f"{WHEEL}.lockgate.json", "application/json"),
        (f"{WHEEL}.provenance", "application/vnd.pypi.integrity.v1+json"),
    ],
)
def test_every_file_has_its_type(url: str, path: str, kind: str) -> None:
    answer = httpx.get(url + path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == kind
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("application/vnd.pypi.simple.v1+json", True),
        ("application/vnd.pypi.simple.v1+json, text/html;q=0.01", True),
        ("application/vnd.pypi.simple.v1+json;q=0.1, text/html", False),
        ("application/vnd.pypi.simple.v1+json;q=x, text/html;q=0.1", False),
        ("text/html", False),
        ("*/*", False),
    ],
)
def test_who_asks_for_json_gets_it(url: str, accept: str, json: bool) -> None:
    answer = httpx.get(f"{url}simple/six/", headers={"accept": accept})

    assert answer.headers["content-type"].endswith("json") is json
    assert answer.headers["vary"] == "Accept"


def test_head_is_get_without_its_body(url: str, site: Path) -> None:
    answer = httpx.head(url + WHEEL)

    assert answer.headers["content-length"] == str((site / WHEEL).stat().st_size)
    assert answer.content == b""


def test_what_is_known_is_not_sent_again(url: str) -> None:
    tag = httpx.get(url + WHEEL).headers["etag"]
    again = httpx.get(url + WHEEL, headers={"if-none-match": tag})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=0-999999999", slice(None)),
    ],
)
def test_a_range_is_a_part(url: str, site: Path, asked: str, part: slice) -> None:
    whole = (site / WHEEL).read_bytes()
    answer = httpx.get(url + WHEEL, headers={"range": asked})

    assert answer.status_code == 206
    assert answer.content == whole[part]
    assert answer.headers["content-range"].endswith(f"/{len(whole)}")


@pytest.mark.parametrize("asked", ["bytes=9999999-", "bytes=-0", "bytes=5-2"])
def test_a_range_outside_is_refused(url: str, asked: str) -> None:
    assert httpx.get(url + WHEEL, headers={"range": asked}).status_code == 416


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=x"])
def test_an_odd_range_gets_the_whole(url: str, asked: str) -> None:
    assert httpx.get(url + WHEEL, headers={"range": asked}).status_code == 200


def test_a_range_of_what_changed_gets_the_whole(url: str) -> None:
    headers = {"range": "bytes=0-9", "if-range": '"another"'}

    assert httpx.get(url + WHEEL, headers=headers).status_code == 200


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A site beside a secret, with links to it, a hidden file and a pipe."""
    folder = tmp_path_factory.mktemp("trapped")
    site = folder / "site"
    plugin_wheel(folder / "wheels", "acme")
    build(folder / "wheels", site)
    (folder / "secret.txt").write_text("the secret")
    (site / ".hidden").write_text("the secret")
    (site / "files" / "link").symlink_to(folder / "secret.txt")
    (site / "files" / "linked").symlink_to(folder)
    os.mkfifo(site / "files" / "pipe")
    with serving(site) as url:
        yield url


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/files/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/files/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/%2e%2e%5csecret.txt",
        "/..\\secret.txt",
        "//../secret.txt",
        "/files/link",
        "/files/linked/secret.txt",
        "/files/secret.txt%00.html",
        "/%ff%fe",
        "/.hidden",
        "/" + "a/" * 2_000,
        "http://127.0.0.1/../secret.txt",
        "/files/pipe",
    ],
)
def test_no_path_leads_out(trapped: str, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    answer = raw(trapped, request.encode("latin-1"))

    assert b"the secret" not in answer
    assert status(answer) in (400, 404, 414)


def test_a_server_that_follows_links_gives_the_secret_away(tmp_path: Path) -> None:
    """What the walk above is for: the standard library's server follows the link."""
    import http.server
    import threading
    from functools import partial

    (tmp_path / "site").mkdir()
    (tmp_path / "secret.txt").write_text("the secret")
    (tmp_path / "site" / "link").symlink_to(tmp_path / "secret.txt")
    handler = partial(
        http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site")
    )
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        port = server.server_address[1]
        assert httpx.get(f"http://127.0.0.1:{port}/link").text == "the secret"
        thread.join()


def test_a_folder_is_never_listed(url: str) -> None:
    assert httpx.get(f"{url}files/").status_code == 404
    assert httpx.get(f"{url}files/lockgate-acme/").status_code == 404


def test_a_folder_without_its_slash_is_sent_on(url: str) -> None:
    answer = httpx.get(f"{url}simple/six")

    assert (answer.status_code, answer.headers["location"]) == (301, "/simple/six/")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "TRACE"])
def test_nothing_can_be_written(url: str, method: str) -> None:
    assert httpx.request(method, url + WHEEL).status_code == 501


def test_another_name_for_our_port_is_refused(url: str) -> None:
    """DNS rebinding: a page of evil.example must not read what only we can reach."""
    request = b"GET /catalog.json HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    nameless = b"GET /catalog.json HTTP/1.1\r\nConnection: close\r\n\r\n"

    assert status(raw(url, request)) == 421
    assert status(raw(url, nameless)) == 421
    assert status(raw(url, b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n")) == 421


def test_only_an_index_is_served(tmp_path: Path) -> None:
    with pytest.raises(PublishError) as caught:
        Server(tmp_path)

    assert caught.value.code == "index-site-foreign"


def test_whoever_drips_a_request_is_hung_up_on(site: Path) -> None:
    with Server(site, timeout=1.0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            port = urlsplit(server.url).port
            assert port is not None
            with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                begun = time.monotonic()
                sent = _drip(
                    peer, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 99
                )
                took = time.monotonic() - begun
            assert 0.5 < took < 8
            # Each piece alone came in time: a limit for a piece would let it go on.
            assert 2 < sent < 99
            assert httpx.get(server.url).status_code == 200
        finally:
            server.shutdown()
            thread.join()


def _drip(peer: socket.socket, request: bytes) -> int:
    """Send a byte at a time until the other side hangs up; gives how many went."""
    peer.settimeout(0.1)
    for number in range(len(request)):
        try:
            peer.sendall(request[number : number + 1])
            if not peer.recv(1):
                return number
        except TimeoutError:
            continue
        except OSError:
            return number
    return len(request)


def test_so_many_are_answered_at_once_and_no_more(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lockgate_marketplace.site.serve._CONNECTIONS", 3)
    with serving(site) as url:
        port = urlsplit(url).port
        assert port is not None
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        try:
            time.sleep(0.3)
            with pytest.raises(httpx.HTTPError):
                httpx.get(url, timeout=5)
        finally:
            for one in held:
                one.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert httpx.get(url).status_code == 200
                break
            except httpx.HTTPError:
                time.sleep(0.05)
        else:
            pytest.fail("a place that was left was not given to anybody")


def test_what_is_no_file_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "index.html").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(Path("/proc/self/fd").iterdir())

    for name in ("folder", "pipe"):
        with pytest.raises(OSError, match="no regular file"):
            open_regular(tmp_path / name)
    assert open_below(tmp_path, [], json=False) is None
    assert open_below(tmp_path, ["pipe"], json=False) is None

    assert sorted(Path("/proc/self/fd").iterdir()) == before
