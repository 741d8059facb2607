"""What real servers make of a request, which no rule of ours may leave to them.

Each is a server as people run it, on loopback: the standard library's on HTTP/1.1,
gunicorn, lighttpd with CGI and PHP's own where they are installed.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.broker.conftest import MakeBench

pytestmark = pytest.mark.kernel

SEND = """
import httpx
client = httpx.Client(transport=session.http_transport())
try:
    result = client.request(method, url, headers=headers, content=body or None).text
except Exception as error:
    result = f"{type(error).__name__}: {error}"
"""


def send(bench_run: Any, url: str, **parts: Any) -> str:
    asked: dict[str, Any] = {"method": "GET", "headers": {}, "body": b"", **parts}
    return str(bench_run(SEND, url=url, **asked))


# -- a body that nobody reads


class _Unread(BaseHTTPRequestHandler):
    """As most handlers are written: a GET has no body, so none is read."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with what was asked for, and note it."""
        seen: list[str] = getattr(self.server, "seen")  # noqa: B009
        seen.append(f"{self.command} {self.path}")
        body = seen[-1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def http11() -> Generator[tuple[int, list[str]]]:
    """The port of a server of the standard library, and what it was asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unread) as server:
        seen: list[str] = []
        setattr(server, "seen", seen)  # noqa: B010
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port, seen
        server.shutdown()
        thread.join()


SMUGGLED = b"DELETE /secret HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("grant", ["/pub methods={}", "/pub", " inject=X-Key:KEY"])
def test_a_body_that_is_left_unread_is_no_second_request(
    bench: MakeBench, method: str, grant: str
) -> None:
    with http11() as (port, seen):
        origin = f"http://127.0.0.1:{port}"
        at = bench(f"{origin}{grant.format(method)} private", secrets={"KEY": "k"})
        for _ in range(2):
            told = send(at.run, f"{origin}/pub/a", method=method, body=SMUGGLED)
            assert told == f"{method} /pub/a"
        assert seen == [f"{method} /pub/a"] * 2

        seen.clear()
        with httpx.Client(trust_env=False) as client:
            for _ in range(2):
                client.request(method, f"{origin}/pub/a", content=SMUGGLED)
        assert "DELETE /secret" in seen  # and its answer was taken for the next one's


# -- another path


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """An application behind gunicorn, which trusts a proxy of this machine."""
    pytest.importorskip("gunicorn")
    folder = tmp_path_factory.mktemp("gunicorn")
    (folder / "app.py").write_text(
        textwrap.dedent("""
        def app(environ, start):
            start("200 OK", [("Content-Type", "text/plain")])
            host = environ.get("HTTP_X_FORWARDED_HOST", "")
            return [f"{environ['PATH_INFO']} {host}".encode()]
        """)
    )
    with _started(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--no-control-socket",
            "-b",
            "{at}",
            "app:app",
        ],
        folder,
    ) as origin:
        yield origin


@contextmanager
def _started(command: list[str], folder: Path, **variables: str) -> Generator[str]:
    """The origin of a server that `command` starts on ``{at}`` (``{port}``)."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    at = f"127.0.0.1:{port}"
    server = subprocess.Popen(
        [word.format(at=at, port=port) for word in command],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(400):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://{at}"
    finally:
        server.terminate()
        server.wait()


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "script.name"])
def test_no_header_cuts_the_granted_prefix_off(
    bench: MakeBench, gunicorn: str, name: str
) -> None:
    at = bench(f"{gunicorn}/pub private")
    assert send(at.run, f"{gunicorn}/pub/secret") == "/pub/secret "
    told = send(at.run, f"{gunicorn}/pub/secret", headers={name: "/pub"})
    assert "may ask for what the grant does not give" in told
    # A client of the host's own gets there.
    attack = {"SCRIPT_NAME": "/pub"}
    answer = httpx.get(f"{gunicorn}/pub/secret", headers=attack, trust_env=False)
    assert answer.text == "/secret "


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "x_forwarded.host", "Forwarded"])
def test_no_header_names_another_host(
    bench: MakeBench, gunicorn: str, name: str
) -> None:
    other = {name: "other.example"}
    at = bench(f"{gunicorn}/ private")
    told = send(at.run, f"{gunicorn}/", headers=other)
    assert "may ask for what the grant does not give" in told
    attack = {"X-Forwarded-Host": "other.example"}
    answer = httpx.get(f"{gunicorn}/", headers=attack, trust_env=False)
    assert answer.text == "/ other.example"


def test_no_copy_leaves_the_granted_prefix(bench: MakeBench) -> None:
    # Apache's mod_dav answers 201, and the file is there.
    with http11() as (port, seen):
        origin = f"http://127.0.0.1:{port}"
        at = bench(f"{origin}/pub private")
        away = {"Destination": f"{origin}/secret/x"}
        told = send(at.run, f"{origin}/pub/x", method="COPY", headers=away)
        assert "may ask for what the grant does not give" in told
        assert seen == []


# -- another header of the same name

ECHO = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf '%s %s' "$HTTP_X_HTTP_METHOD" "$HTTP_X_API_KEY"
"""
ROUTER = """<?php
echo ($_SERVER['HTTP_X_HTTP_METHOD'] ?? '') . ' ' . ($_SERVER['HTTP_X_API_KEY'] ?? '');
"""


@contextmanager
def lighttpd(folder: Path) -> Generator[str]:
    """A CGI script behind lighttpd, which makes ``_`` of all that is no letter."""
    program = shutil.which("lighttpd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("lighttpd is not installed")
    (folder / "a.cgi").write_text(ECHO)
    (folder / "a.cgi").chmod(0o755)
    (folder / "conf").write_text(
        'server.modules = ("mod_cgi")\ncgi.assign = (".cgi" => "")\n'
        f'server.document-root = "{folder}"\nserver.bind = "127.0.0.1"\n'
        'server.port = env.LIGHTTPD_PORT\nindex-file.names = ("a.cgi")\n'
    )
    with _started(
        ["/bin/sh", "-c", f"LIGHTTPD_PORT={{port}} exec {program} -D -f conf"], folder
    ) as origin:
        yield origin


@contextmanager
def php(folder: Path) -> Generator[str]:
    """A script behind PHP's own server, which makes ``_`` of a dot."""
    program = shutil.which("php")
    if program is None:
        pytest.skip("php is not installed")
    (folder / "a.php").write_text(ROUTER)
    with _started([program, "-n", "-S", "{at}", "a.php"], folder) as origin:
        yield origin


@pytest.mark.parametrize(
    ("server", "signs"), [(lighttpd, "!#$%&'*+.^_`|~"), (php, "._")]
)
def test_no_spelling_of_a_header_gets_past_its_name(
    bench: MakeBench, tmp_path: Path, server: Any, signs: str
) -> None:
    with server(tmp_path) as origin:
        at = bench(f"{origin}/ methods=GET private")
        keyed = bench(f"{origin}/ inject=X-Api-Key:KEY private", secrets={"KEY": "own"})
        for sign in signs:
            names = {f"X{sign}HTTP{sign}Method": "DELETE", f"X{sign}Api{sign}Key": "me"}
            told = send(at.run, f"{origin}/", headers=names)
            assert "may ask for what the grant does not give" in told, sign
            mine = {f"X{sign}Api{sign}Key": "mine"}
            assert send(keyed.run, f"{origin}/", headers=mine) == " ***", sign
            # A client of the host's own says both.
            answer = httpx.get(f"{origin}/", headers=names, trust_env=False)
            assert answer.text == "DELETE me", sign
