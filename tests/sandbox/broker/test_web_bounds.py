"""What requests may take and keep: bytes, memory, and how many at once."""

from __future__ import annotations

import socket
import time

import pytest

from tests.sandbox.broker.asking import GET, hang
from tests.sandbox.broker.conftest import MakeBench
from tests.support.sandbox import wait_until
from tests.support.servers import http_server, reply, serve

pytestmark = pytest.mark.kernel


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
        assert time.monotonic() - started < 20  # dripped whole it takes minutes
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
