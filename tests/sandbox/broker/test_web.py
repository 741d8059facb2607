"""HTTP through the broker: real workers, real httpx, real servers on loopback."""

from __future__ import annotations

import hashlib
import os
import socket
import textwrap
import threading
import time
from typing import Any

import pytest

from lockgate_sandbox import RemoteError, WallLimitError
from lockgate_sandbox.broker._addresses import Pins
from lockgate_sandbox.broker._pinned import PinnedNetwork
from lockgate_sandbox.broker._pinned import _Stream as Stream  # pyright: ignore
from lockgate_sandbox.broker._quota import Meters
from lockgate_sandbox.broker._refusal import RevokedError
from tests.sandbox.broker.conftest import MakeBench, always
from tests.support.sandbox import wait_until
from tests.support.servers import Request, http_server, reply, serve

pytestmark = pytest.mark.kernel

GET = """
import httpx
client = httpx.Client(transport=session.http_transport(), follow_redirects=follow)
try:
    answer = client.get(url)
    result = [answer.status_code, answer.text, str(answer.url)]
except Exception as error:
    result = [type(error).__mro__[1].__name__, str(error),
              isinstance(error, PermissionError)]
"""


def test_a_request_and_its_answer(bench: MakeBench) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/a?b=c"
        assert at.run(GET, url=url, follow=False) == [200, "ok", url]
        (seen,) = server.requests
    assert (seen.method, seen.target) == ("GET", "/a?b=c")
    assert seen.header("host") == f"127.0.0.1:{server.port}"
    # The end is written down by the request's own thread.
    assert wait_until(lambda: len(at.records) == 2)
    decisions = [(record.decision, record.right) for record in at.records]
    assert decisions == [("allow", "net"), ("end", "net")]
    assert at.records[0].resource == f"GET http://127.0.0.1:{server.port}/a"
    assert at.records[1].bytes == 2


def test_https_to_the_granted_name(bench: MakeBench) -> None:
    with http_server(names=("api.test",)) as server:
        at = bench(
            f"https://api.test:{server.port}/ private", resolve=always("127.0.0.1")
        )
        url = f"https://api.test:{server.port}/"
        assert at.run(GET, url=url, follow=False) == [200, "ok", url]


def test_a_certificate_of_another_name_is_not_believed(bench: MakeBench) -> None:
    with http_server(names=("other.test",)) as server:
        at = bench(
            f"https://api.test:{server.port}/ private", resolve=always("127.0.0.1")
        )
        kind, text, _ = at.run(
            GET, url=f"https://api.test:{server.port}/", follow=False
        )
        assert server.requests == []
    assert kind == "NetworkError"
    assert "certificate" in str(text)


def test_bodies_stream_both_ways(bench: MakeBench) -> None:
    size = 8 << 20
    with http_server(lambda request: reply(request.body)) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            import hashlib, httpx
            def body():
                for n in range(size >> 16):
                    yield bytes([n % 251]) * (1 << 16)
            client = httpx.Client(transport=session.http_transport())
            digest = hashlib.sha256()
            with client.stream("POST", url, content=body()) as answer:
                for chunk in answer.iter_bytes():
                    digest.update(chunk)
            result = [digest.hexdigest(), answer.request.headers["transfer-encoding"]]
        """
        url = f"http://127.0.0.1:{server.port}/"
        digest, framing = at.run(code, url=url, size=size)
        (seen,) = server.requests
    whole = b"".join(bytes([n % 251]) * (1 << 16) for n in range(size >> 16))
    assert seen.body == whole
    assert digest == hashlib.sha256(whole).hexdigest()
    assert framing == "chunked"


def test_the_same_transport_serves_asyncio(bench: MakeBench) -> None:
    def answer(request: Request) -> bytes:
        time.sleep(0.2)
        return reply(request.target.encode())

    with http_server(answer) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            import asyncio, httpx, time
            async def main():
                transport = session.http_transport()
                async with httpx.AsyncClient(transport=transport) as client:
                    started = time.monotonic()
                    answers = await asyncio.gather(
                        *(client.get(f"{url}{n}") for n in range(8)))
                    return [a.text for a in answers], time.monotonic() - started
            result = list(asyncio.run(main()))
        """
        texts, seconds = at.run(code, url=f"http://127.0.0.1:{server.port}/")
    assert texts == [f"/{n}" for n in range(8)]
    assert seconds < 8 * 0.2  # side by side, not one after the other


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/v2/x", "below /v1"),
        ("http://127.0.0.1:{port}/v10", "below /v1"),
        ("http://127.0.0.1:1/v1", "no grant names this host"),
        ("http://localhost:{port}/v1", "no grant names this host"),
        ("https://127.0.0.1:{port}/v1", "the grant is for http"),
        ("http://[::ffff:127.0.0.1]:{port}/v1", "not accepted"),
        ("http://2130706433:{port}/v1", "not accepted"),
        ("http://0x7f.1:{port}/v1", "not accepted"),
        ("http://127.1:{port}/v1", "not accepted"),
    ],
)
def test_what_is_not_granted_is_refused_on_record(
    bench: MakeBench, url: str, why: str
) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1 private")
        answer = at.run(GET, url=url.format(port=server.port), follow=False)
        assert server.requests == []
    kind, text, denied = answer
    assert (kind, denied) == ("TransportError", True)
    assert why in str(text)
    (record,) = at.denials()
    assert why in record.reason


def test_a_denial_names_the_grant_that_would_allow_it(bench: MakeBench) -> None:
    at = bench("other.test")
    _, text, _ = at.run(GET, url="http://api.test/v1", follow=False)
    assert "hosts=('http://api.test/ methods=GET',) in the policy" in str(text)
    assert (
        at.denials()[0].grant == "hosts=('http://api.test/ methods=GET',) in the policy"
    )


RAW = """
open = dict(method="GET", scheme="http", host=host, port=port, target="/v1/",
            headers=[], length=0)
open.update(change)
try:
    result = session.call_host("broker.http.open", open)
except session.HostCallError as error:
    result = str(error)
"""


@pytest.mark.parametrize(
    "change",
    [
        {"method": "CONNECT", "target": "127.0.0.1:22"},
        {"method": "CONNECT"},
        {"method": "TRACE"},
        {"method": "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"},
        {"target": "http://127.0.0.1:22/"},
        {"target": "//127.0.0.1:22/"},
        {"target": "/v1/ HTTP/1.1\r\nHost: evil"},
        {"target": "/v1/\n"},
        {"target": "v1/"},
        {"target": "*"},
        {"target": "/v1/#x"},
        {"target": "/v1/" + "x" * 9_000},
        {"target": "/v1/../v2"},
        {"target": "/v1/%2e%2e/v2"},
        {"target": "/v1/%2E./v2"},
        {"target": "/v1/.%2e/v2"},
        {"target": "/v1/%252e%252e/v2"},
        {"target": "/v1/..%2fv2"},
        {"target": "/v1/..%5cv2"},
        {"target": "/v1/..\\v2"},
        {"target": "/v1/..;/v2"},
        {"target": "/v1/;/../v2"},
        {"target": "/v1//../v2"},
        {"target": "/v1/%00"},
        {"target": "/v1/%c0%ae%c0%ae/v2"},
        {"target": "/v1/%e0%80%af../v2"},
        {"target": "/v1/%ff"},
        {"target": "/v1/%zz"},
        {"target": "/../v1/"},
        {"target": "/V1/"},
        {"headers": [["Host", "evil"]]},
        {"headers": [["host", "evil"]]},
        {"headers": [["Content-Length", "5"]]},
        {"headers": [["Transfer-Encoding", "chunked"]]},
        {"headers": [["transfer-encoding ", "chunked"]]},
        {"headers": [["Connection", "X-Api-Key"]]},
        {"headers": [["Upgrade", "websocket"]]},
        {"headers": [["Proxy-Authorization", "x"]]},
        {"headers": [["TE", "trailers"]]},
        {"headers": [["Expect", "100-continue"]]},
        {"headers": [["Content_Length", "5"]]},
        {"headers": [["transfer_encoding", "chunked"]]},
        {"headers": [["X-Original-URL", "/v2"]]},
        {"headers": [["x-rewrite-url", "/v2"]]},
        {"headers": [["x.rewrite!url", "/v2"]]},
        {"headers": [["Content.Length", "5"]]},
        {"headers": [["transfer~encoding", "chunked"]]},
        {"headers": [["SCRIPT_NAME", "/v1"]]},
        {"headers": [["Destination", "/v2"]]},
        {"headers": [["X-Forwarded-Host", "evil"]]},
        {"headers": [["X_Forwarded_Prefix", "/v2"]]},
        {"headers": [["X", "a\r\nHost: evil"]]},
        {"headers": [["X", "a\nb"]]},
        {"headers": [["X", "a\0b"]]},
        {"headers": [["X\r\nHost", "evil"]]},
        {"headers": [["X Y", "evil"]]},
        {"headers": [["", "evil"]]},
        {"headers": [["X", "\u2028"]]},
        {"headers": [["X"]]},
        {"headers": [["X", 1]]},
        {"headers": "X: y"},
        {"headers": [["X", "y"]] * 200},
        {"headers": [["X", "y" * 70_000]]},
        {"length": -1},
        {"length": True},
        {"length": "0"},
        {"port": 0},
        {"port": 65_536},
        {"port": "80"},
        {"scheme": "ftp"},
        {"scheme": "file", "host": "/etc/passwd"},
        {"host": "127.0.0.1@evil"},
        {"host": "127.0.0.1\r\nX"},
        {"host": None},
        {"host": "0177.0.0.1"},
        {"host": "0x7f000001"},
        {"host": "2130706433"},
        {"host": "127.0.0.1%00"},
        {"host": "１２７.0.0.1/"},
    ],
    ids=str,
)
def test_a_forged_request_reaches_nobody(
    bench: MakeBench, change: dict[str, object]
) -> None:
    """Straight to the callback, as hostile code would, past our transport."""
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1/ private")
        told = at.run(RAW, host="127.0.0.1", port=server.port, change=change)
        assert "refused" in str(told)
        assert server.connections == 0
        # The honest one does: it is the change that was refused.
        assert isinstance(
            at.run(RAW, host="127.0.0.1", port=server.port, change={}), dict
        )
    assert len(at.denials()) == 1


def test_the_path_that_was_judged_is_the_path_that_is_sent(bench: MakeBench) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1/ private")
        change = {"target": "/v1/./a/../%7euser/%c3%a9?q=%2e"}
        told = at.run(RAW, host="127.0.0.1", port=server.port, change=change)
        assert isinstance(told, dict)
        deadline = time.monotonic() + 5
        while not server.requests and time.monotonic() < deadline:
            time.sleep(0.01)
    assert server.requests[0].target == "/v1/~user/%C3%A9?q=%2e"


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://0x7f000001:{other}/",
        "http://localhost:{other}/",
        "http://metadata.test/",
        "//127.0.0.1:{other}/",
    ],
)
def test_a_redirect_is_checked_like_any_request(
    bench: MakeBench, location: str
) -> None:
    with http_server() as other:
        target = location.format(other=other.port)
        moved = reply(b"", "302 Found", (f"Location: {target}",))
        with http_server(lambda _: moved) as server:
            at = bench(f"http://127.0.0.1:{server.port}/ private")
            url = f"http://127.0.0.1:{server.port}/"
            kind, _, denied = at.run(GET, url=url, follow=True)
        assert other.connections == 0
    assert (kind, denied) == ("TransportError", True)
    assert len(at.denials()) == 1


def test_a_downgrade_to_http_is_another_grant(bench: MakeBench) -> None:
    with http_server() as plain:

        def answer(_: Request) -> bytes:
            where = f"Location: http://api.test:{plain.port}/"
            return reply(b"", "302 Found", (where,))

        with http_server(answer, names=("api.test",)) as server:
            at = bench(
                f"https://api.test:{server.port},{plain.port}/ private",
                resolve=always("127.0.0.1"),
            )
            url = f"https://api.test:{server.port}/"
            kind, text, _ = at.run(GET, url=url, follow=True)
        assert plain.connections == 0
    assert kind == "TransportError"
    assert "the grant is for https" in str(text)


def test_a_granted_redirect_is_followed(bench: MakeBench) -> None:
    with http_server() as other:
        where = f"Location: http://127.0.0.1:{other.port}/there"
        with http_server(lambda _: reply(b"", "302 Found", (where,))) as server:
            at = bench(f"http://127.0.0.1:{server.port},{other.port}/ private")
            url = f"http://127.0.0.1:{server.port}/"
            answer = at.run(GET, url=url, follow=True)
    assert answer == [200, "ok", f"http://127.0.0.1:{other.port}/there"]


SECRET = "s3cr3t-value-of-the-owner"


def test_an_injected_credential_is_never_seen(bench: MakeBench) -> None:
    """Not in the worker, not in a record, not when the server echoes it."""

    def answer(request: Request) -> bytes:
        told = request.header("authorization") or ""
        return reply(told.encode(), headers=(f"X-Echo: {told}",))

    with http_server(answer) as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": SECRET},
        )
        code = """
            import httpx
            client = httpx.Client(transport=session.http_transport(),
                                  headers={"Authorization": "Bearer mine"})
            answer = client.get(url)
            result = [answer.text, answer.headers["x-echo"],
                      answer.request.headers["authorization"]]
            try:
                session.secret("TOKEN")
            except session.HostCallError as error:
                result.append(str(error))
        """
        text, header, sent, refused = at.run(
            code, url=f"http://127.0.0.1:{server.port}/"
        )
        assert server.requests[0].header("authorization") == f"Bearer {SECRET}"
        assert len([k for k, _ in server.requests[0].headers if k == "Authorization"])
    assert text == header == f"Bearer {'*' * len(SECRET)}"
    assert sent == "Bearer mine"
    assert "not granted" in str(refused)
    assert SECRET not in repr(at.records)


def test_a_credential_does_not_follow_a_redirect(bench: MakeBench) -> None:
    with http_server() as other:
        where = f"Location: http://localhost:{other.port}/?t={SECRET}"
        with http_server(lambda _: reply(b"", "302 Found", (where,))) as server:
            at = bench(
                f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
                f"http://localhost:{other.port}/ private",
                secrets={"TOKEN": SECRET},
                resolve=always("127.0.0.1"),
            )
            url = f"http://127.0.0.1:{server.port}/"
            assert at.run(GET, url=url, follow=True)[0] == 200
        (seen,) = other.requests
    assert seen.header("authorization") is None
    assert SECRET not in seen.target


def test_a_compressed_answer_can_not_hide_an_echo(bench: MakeBench) -> None:
    import gzip

    packed = gzip.compress(SECRET.encode())
    answer = reply(packed, headers=("Content-Encoding: gzip",))
    with http_server(lambda _: answer) as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": SECRET},
        )
        url = f"http://127.0.0.1:{server.port}/"
        kind, text, _ = at.run(GET, url=url, follow=False)
        assert server.requests[0].header("accept-encoding") == "identity"
    assert kind == "ProtocolError"
    assert "compressed" in str(text)


@pytest.mark.parametrize("value", ["two\r\nlines", "\0", "", " x", "snow ☃"])
def test_a_secret_that_no_header_may_hold_is_not_sent(
    bench: MakeBench, value: str
) -> None:
    with http_server() as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": value},
        )
        url = f"http://127.0.0.1:{server.port}/"
        _, text, denied = at.run(GET, url=url, follow=False)
        assert server.connections == 0
    assert denied
    assert len(value) < 3 or value not in str(text)


def test_a_name_is_resolved_once_whatever_it_says_later(bench: MakeBench) -> None:
    """DNS rebinding: a public answer first, then our own machine."""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return answers[len(asked) - 1]

    with http_server() as server:
        at = bench(f"http://api.test:{server.port}/ private", resolve=resolve)
        url = f"http://api.test:{server.port}/"
        for _ in range(3):
            assert at.run(GET, url=url, follow=False)[0] == 200
        assert len(server.requests) == 3
    assert asked == ["api.test"]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["0.0.0.0"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
    ],
)
def test_a_name_that_is_a_private_address_is_refused(
    bench: MakeBench, answer: list[str]
) -> None:
    with http_server() as server:
        at = bench(f"http://api.test:{server.port}/", resolve=always(*answer))
        url = f"http://api.test:{server.port}/"
        _, text, denied = at.run(GET, url=url, follow=False)
        assert server.connections == 0
    assert denied
    assert "api.test is" in str(text)
    assert "private" in at.denials()[0].grant


def test_parallel_requests_share_one_quota(bench: MakeBench) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private requests=5")
        code = """
            import httpx
            from concurrent.futures import ThreadPoolExecutor
            client = httpx.Client(transport=session.http_transport())
            def one(n):
                try:
                    return client.get(url).status_code
                except PermissionError:
                    return 0
            with ThreadPoolExecutor(8) as pool:
                result = sorted(pool.map(one, range(20)))
        """
        answers = at.run(code, url=f"http://127.0.0.1:{server.port}/")
        assert len(server.requests) == 5
    assert answers == [0] * 15 + [200] * 5
    assert "5 requests" in at.denials()[0].reason


def test_an_endless_answer_ends_at_the_byte_quota(bench: MakeBench) -> None:
    def endless(sock: socket.socket) -> None:
        sock.recv(4_096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65_536)

    with serve(endless) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private bytes=1M")
        code = """
            import httpx
            client = httpx.Client(transport=session.http_transport())
            got = 0
            try:
                with client.stream("GET", url) as answer:
                    for chunk in answer.iter_raw():
                        got += len(chunk)
            except PermissionError as error:
                result = [got, str(error)]
        """
        got, text = at.run(code, url=f"http://127.0.0.1:{server.port}/")
    assert 900_000 < got <= 1 << 20
    assert "quota" in text


def test_several_endless_answers_together_stay_within_the_quota(
    bench: MakeBench,
) -> None:
    sent = [0]

    def endless(sock: socket.socket) -> None:
        sock.recv(4_096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent[0] += sock.send(b"x" * 4_096)

    with serve(endless) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private bytes=1M")
        code = """
            import httpx
            from concurrent.futures import ThreadPoolExecutor
            client = httpx.Client(transport=session.http_transport())
            def one(n):
                got = 0
                try:
                    with client.stream("GET", url) as answer:
                        for chunk in answer.iter_raw():
                            got += len(chunk)
                except PermissionError:
                    return got
            with ThreadPoolExecutor(8) as pool:
                result = sum(pool.map(one, range(8)))
        """
        got = at.run(code, url=f"http://127.0.0.1:{server.port}/")
    assert isinstance(got, int)
    assert 800_000 < got <= 1 << 20


def test_a_decompression_bomb_is_the_workers_own(bench: MakeBench) -> None:
    """The host never decodes: 1 GiB from 1 MB is up to the worker's memory limit."""
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(1_024)) + packer.flush()
    answer = reply(packed, headers=("Content-Encoding: gzip",))
    with http_server(lambda _: answer) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/"
        told = at.run(GET, url=url, follow=False)
        assert wait_until(lambda: at.records[-1].decision == "end")
        assert 0 < at.records[-1].bytes <= len(packed)
    assert told[0] != 200
    assert len(packed) < 2 << 20


def test_a_server_that_drips_is_given_up_at_the_deadline(bench: MakeBench) -> None:
    def drip(sock: socket.socket) -> None:
        sock.recv(4_096)
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 9_999:
            sock.sendall(bytes([byte]))
            time.sleep(0.05)

    with serve(drip) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private seconds=1")
        started = time.monotonic()
        url = f"http://127.0.0.1:{server.port}/"
        kind, _, _ = at.run(GET, url=url, follow=False)
        assert time.monotonic() - started < 4
    assert kind == "TimeoutException"


def test_headers_without_end_are_refused(bench: MakeBench) -> None:
    def flood(sock: socket.socket) -> None:
        sock.recv(4_096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            sock.sendall(b"X-Y: " + b"z" * 1_000 + b"\r\n")

    with serve(flood) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/"
        kind, _, _ = at.run(GET, url=url, follow=False)
    assert kind == "ProtocolError"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\0Y: z\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    ],
)
def test_an_answer_that_is_no_plain_http_is_refused(
    bench: MakeBench, answer: bytes
) -> None:
    with http_server(lambda _: answer) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/"
        kind, _, _ = at.run(GET, url=url, follow=False)
    assert kind == "ProtocolError"


def test_a_closed_port_is_a_connect_error(bench: MakeBench) -> None:
    at = bench("http://127.0.0.1:1/ private")
    kind, _, denied = at.run(GET, url="http://127.0.0.1:1/", follow=False)
    assert (kind, denied) == ("NetworkError", False)


def test_neither_environment_nor_cookies_play_a_part(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = reply(headers=("Set-Cookie: who=me",))
    with http_server(lambda _: cookie) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/"
        for _ in range(2):  # two clients: no jar of theirs is shared
            assert at.run(GET, url=url, follow=False)[0] == 200
        assert [seen.header("cookie") for seen in server.requests] == [None, None]


def test_a_stream_ends_when_its_grant_is_revoked(bench: MakeBench) -> None:
    going = threading.Event()

    def endless(sock: socket.socket) -> None:
        sock.recv(4_096)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x")
            going.set()
            time.sleep(0.01)

    with serve(endless) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        (grant,) = at.broker.policy.hosts

        def revoke() -> None:
            going.wait(10)
            assert at.broker.revoke(grant)

        thread = threading.Thread(target=revoke)
        thread.start()
        url = f"http://127.0.0.1:{server.port}/"
        _, text, denied = at.run(GET, url=url, follow=False)
        thread.join()
        assert denied
        assert "taken back" in str(text)
        _, text, _ = at.run(GET, url=url, follow=False)
        assert "no grant names this host" in str(text)
    assert not at.broker.revoke(grant)


def hang(sock: socket.socket) -> None:
    """Read for ever, say nothing."""
    while sock.recv(1 << 16):
        pass


def test_a_slow_server_does_not_hold_up_the_calls_deadline(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/"
        started = time.monotonic()
        with pytest.raises(WallLimitError):
            at.worker.call(GET, {"url": url, "follow": False}, timeout=1)
        assert time.monotonic() - started < 5


def test_nothing_of_a_dead_workers_requests_is_left(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            import os
            for n in range(4):
                session.call_host("broker.http.open", dict(
                    method="GET", scheme="http", host="127.0.0.1", port=port,
                    target="/", headers=[], length=0))
            os._exit(3)
        """
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        from lockgate_sandbox import WorkerDiedError

        with pytest.raises(WorkerDiedError):
            at.run(code, port=server.port)
        at.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and any(
            thread.name == "lockgate-http" for thread in threading.enumerate()
        ):
            time.sleep(0.01)
        names = [thread.name for thread in threading.enumerate()]
        assert "lockgate-http" not in names
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


@pytest.mark.parametrize(
    "name",
    [
        "broker.http.Open",
        "broker.http",
        "broker.revoke",
        "revoke",
        "broker.http.open\0",
    ],
)
def test_a_forged_callback_name_is_unknown(bench: MakeBench, name: str) -> None:
    at = bench("a.test")
    with pytest.raises(RemoteError, match="offers no callback"):
        at.run("session.call_host(name, {})", name=name)


@pytest.mark.parametrize("number", [0, -1, 7, "1", None, [1], 1.0])
def test_a_forged_exchange_is_unknown(bench: MakeBench, number: object) -> None:
    at = bench("a.test")
    for name in ("head", "read"):
        with pytest.raises(RemoteError, match=r"exchange|failed"):
            at.run(
                f"session.call_host('broker.http.{name}', {{'id': number}})",
                number=number,
            )


def test_too_many_requests_at_once_are_refused(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            result = 0
            for n in range(40):
                try:
                    session.call_host("broker.http.open", dict(
                        method="GET", scheme="http", host="127.0.0.1", port=port,
                        target="/", headers=[], length=1))
                    result += 1
                except PermissionError as error:
                    pass
        """
        assert at.run(code, port=server.port) == 16


def test_answers_that_are_never_read_do_not_pile_up(bench: MakeBench) -> None:
    code = """
        import time
        request = {"method": "GET", "scheme": "http", "host": "127.0.0.1",
                   "port": port, "target": "/", "headers": [], "length": 0}
        opened = []
        while not opened or opened[-1]:
            try:
                opened.append(session.call_host("broker.http.open", request)["id"])
            except PermissionError as error:
                if "unread" in str(error) and len(opened) > 63:
                    break
            time.sleep(0.03)  # slower than the quota's rate
        for number in opened:
            session.call_host("broker.http.close", {"id": number})
        session.call_host("broker.http.open", request)
        result = len(opened)
    """
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        assert at.run(code, port=server.port) == 64


def test_a_name_server_that_is_slow_does_not_hold_up_the_calls_deadline(
    bench: MakeBench,
) -> None:
    """Whoever owns the name owns its server, which may answer when it likes."""
    asked, ended = threading.Event(), threading.Event()

    def resolve(_: str) -> list[str]:
        asked.set()
        ended.wait(30)
        return ["127.0.0.1"]

    at = bench("http://slow.test/ private", resolve=resolve)
    at.run("import urllib.request")
    started = time.monotonic()
    with pytest.raises(WallLimitError):
        at.worker.call(
            textwrap.dedent(GET),
            {"url": "http://slow.test/", "follow": False},
            timeout=0.5,
        )
    ended.set()
    assert asked.is_set()
    assert time.monotonic() - started < 15


class _Shut:
    """An exchange that is ended just when its thread has looked whether it is."""

    grant = None
    meters = Meters()
    deadline = float("inf")
    socket: socket.socket | None = None

    def __init__(self) -> None:
        self.looks = 0

    def check(self) -> None:
        self.looks += 1
        if self.looks > 1:
            raise RevokedError("taken back")
        assert self.socket is not None
        self.socket.shutdown(socket.SHUT_RDWR)


def test_an_end_that_the_host_made_is_no_end_of_a_body() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    flow: Any = _Shut()
    flow.socket = near
    network = PinnedNetwork(Pins())
    network.enter(flow)
    stream = Stream(network, near)
    with pytest.raises(RevokedError):
        stream.read(100)
    near.close()
    far.close()
