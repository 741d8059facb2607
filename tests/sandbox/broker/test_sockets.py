"""The socket shim: clients that know nothing of us, against real loopback servers."""

from __future__ import annotations

import errno
import hashlib
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from tests.sandbox.broker.conftest import Bench, MakeBench, always
from tests.sandbox.broker.peers import CONNECT, echo
from tests.support.sandbox import wait_until
from tests.support.servers import Request, authority, http_server, reply, serve

pytestmark = pytest.mark.kernel


def big(request: Request) -> bytes:
    """As many bytes as the path asks for, or the body back."""
    if request.body:
        return reply(request.body)
    return reply(b"z" * int(request.target.strip("/") or 2))


def certificates(at: Bench, tmp: Path) -> str:
    """The tests' authority as text, for a client inside."""
    del at, tmp
    return authority().cert_pem.bytes().decode()


CONTEXT = """
import ssl
context = ssl.create_default_context(cadata=pem)
"""


def test_requests_works_unchanged(bench: MakeBench) -> None:
    with http_server(big) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import requests
            client = requests.Session()
            answers = [client.get(url + str(n)) for n in (10, 100_000)]
            answers.append(client.post(url, data=b"y" * 300_000))
            result = [[a.status_code, len(a.content)] for a in answers]
        """
        answer = at.run(code, url=f"http://127.0.0.1:{server.port}/")
        assert server.connections == 1  # kept alive through the relay
    assert answer == [[200, 10], [200, 100_000], [200, 300_000]]
    assert at.records[0].decision == "allow"


def test_requests_over_tls_by_name(bench: MakeBench, tmp_path: Path) -> None:
    with http_server(big, names=("api.test",)) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        code = """
            import os, pathlib, requests
            path = str(session.scratch / "ca.pem")
            pathlib.Path(path).write_text(pem)
            answer = requests.get(url, verify=path)
            result = [answer.status_code, len(answer.content)]
            try:
                requests.get(url)
            except requests.exceptions.SSLError:
                result.append("not believed")
        """
        url = f"https://api.test:{server.port}/70000"
        told = at.run(code, url=url, pem=certificates(at, tmp_path))
    assert told == [200, 70_000, "not believed"]
    assert server.requests[0].header("host") == f"api.test:{server.port}"


@pytest.mark.parametrize("tls", [False, True])
def test_urllib_works_unchanged(bench: MakeBench, tmp_path: Path, tls: bool) -> None:
    with http_server(big, names=("api.test",) if tls else ()) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        code = """
            import urllib.request
            more = {}
            if url.startswith("https"):
                import ssl
                more["context"] = ssl.create_default_context(cadata=pem)
            with urllib.request.urlopen(url, **more) as answer:
                result = [answer.status, len(answer.read())]
        """
        url = f"http{'s' if tls else ''}://api.test:{server.port}/200000"
        assert at.run(code, url=url, pem=certificates(at, tmp_path)) == [200, 200_000]


BELIEVED = "import ssl; result = ssl.create_default_context().cert_store_stats()"


@pytest.mark.parametrize("host", ["api.test", "https://api.test"])
def test_who_speaks_tls_knows_whom_this_machine_believes(
    bench: MakeBench, host: str
) -> None:
    ours = ssl.create_default_context().cert_store_stats()
    if not ours["x509_ca"]:
        pytest.skip("this machine believes nobody")
    at = bench(host)

    told = at.run(BELIEVED)

    # The host speaks TLS where a grant is about requests.
    assert told == (ours if host == "api.test" else dict.fromkeys(ours, 0))


@pytest.mark.parametrize("tls", [False, True])
def test_aiohttp_works_unchanged(bench: MakeBench, tmp_path: Path, tls: bool) -> None:
    together = threading.Barrier(8, timeout=30)

    def answer(request: Request) -> bytes:
        together.wait()  # side by side, not one after the other
        return big(request)

    with http_server(answer, names=("api.test",) if tls else ()) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        code = """
            import aiohttp, asyncio, ssl
            async def main():
                context = ssl.create_default_context(cadata=pem) if tls else True
                connector = aiohttp.TCPConnector(ssl=context)
                async with aiohttp.ClientSession(connector=connector) as client:
                    async def one(n):
                        async with client.get(url + str(n)) as answer:
                            return [answer.status, len(await answer.read())]
                    return await asyncio.gather(*map(one, range(1, 9)))
            result = asyncio.run(main())
        """
        url = f"http{'s' if tls else ''}://api.test:{server.port}/"
        found = at.run(code, url=url, tls=tls, pem=certificates(at, tmp_path))
    assert found == [[200, n] for n in range(1, 9)]


def test_asyncio_streams_work_unchanged(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import asyncio
            async def main():
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"a" * 1_000_000)
                writer.write_eof()
                data = await reader.read()
                peer = writer.get_extra_info("peername")
                writer.close()
                await writer.wait_closed()
                return [len(data), list(peer)]
            result = asyncio.run(main())
        """
        assert at.run(code, port=server.port) == [
            1_000_000,
            ["127.0.0.1", server.port],
        ]


def test_a_big_download_arrives_whole(bench: MakeBench) -> None:
    size = 64 << 20
    block = bytes(range(256)) * 256

    def send(sock: socket.socket) -> None:
        for _ in range(size // len(block)):
            sock.sendall(block)

    with serve(send) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import hashlib, socket
            digest, count = hashlib.sha256(), 0
            with socket.create_connection(("127.0.0.1", port)) as sock:
                while data := sock.recv(1 << 20):
                    digest.update(data)
                    count += len(data)
            result = [count, digest.hexdigest()]
        """
        count, digest = at.run(code, port=server.port)
    whole = hashlib.sha256()
    for _ in range(size // len(block)):
        whole.update(block)
    assert (count, digest) == (size, whole.hexdigest())
    assert wait_until(lambda: at.records[-1].decision == "end")
    assert at.records[-1].bytes == size


def test_a_long_conversation_with_both_half_closes(bench: MakeBench) -> None:
    """As a websocket has: small messages both ways, for long, then an end."""

    def talk(sock: socket.socket) -> None:
        sock.sendall(b"hello")
        count = 0
        while data := sock.recv(1_024):
            count += len(data)
            sock.sendall(b"got %d;" % len(data))
        sock.sendall(b"total %d" % count)  # after the worker's half is closed

    with serve(talk) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import socket, time
            sock = socket.create_connection(("127.0.0.1", port), timeout=10)
            first = sock.recv(5)
            for n in range(1, 101):
                sock.sendall(b"x" * n)
                want = b"got %d;" % n
                assert sock.recv(len(want), socket.MSG_WAITALL) == want
            sock.shutdown(socket.SHUT_WR)
            rest = b""
            while data := sock.recv(100):
                rest += data
            result = [first, rest]
        """
        assert at.run(code, port=server.port) == [b"hello", b"total 5050"]


_LOOKED_AT = """
    import os, socket
    sock = socket.socket()
    try:
        sock.getpeername()
    except OSError as error:
        early = error.errno
    sock.settimeout(5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    number = sock.fileno()
    sock.connect(("api.test", port))
    twin = sock.dup()
    peer, name = sock.getpeername(), sock.getsockname()
    result = {
        "peer before": early,
        "kind": [int(sock.family), int(sock.type), sock.proto],
        "same number": sock.fileno() == number,
        "inheritable": os.get_inheritable(number),
        "no delay": sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
        "error": sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
        "timeout": sock.gettimeout(),
        "peer": [peer[0].startswith("198.18."), peer[1]],
        "parts of its name": len(name),
        "same peer of a twin": twin.getpeername() == peer,
        "host of the peer": socket.gethostbyaddr(peer[0])[0],
        "name of the peer": socket.getnameinfo(peer, 0)[0],
        "connected again": sock.connect_ex(("api.test", port)),
    }
    sock.close()
    twin.sendall(b"still")
    result["twin of a closed one"] = twin.recv(5)
    twin.close()
"""


def test_a_socket_looks_like_one_of_tcp(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        told = at.run(_LOOKED_AT, port=server.port)
    assert told == {
        "peer before": errno.ENOTCONN,
        "kind": [socket.AF_INET, socket.SOCK_STREAM, 0],
        "same number": True,
        "inheritable": False,
        "no delay": 1,
        "error": 0,
        "timeout": 5.0,
        "peer": [True, server.port],
        "parts of its name": 2,
        "same peer of a twin": True,
        "host of the peer": "api.test",
        "name of the peer": "api.test",
        "connected again": errno.EISCONN,
        "twin of a closed one": b"still",
    }


def test_ipv6_is_reached_too(bench: MakeBench) -> None:
    with serve(echo, host="::1") as server:
        at = bench(f"[::1]:{server.port} private")
        code = """
            import socket
            with socket.create_connection(("::1", port)) as sock:
                sock.sendall(b"six")
                result = [sock.recv(3), list(sock.getpeername())]
        """
        assert at.run(code, port=server.port) == [b"six", ["::1", server.port, 0, 0]]


def test_failures_are_the_usual_exceptions(bench: MakeBench) -> None:
    def nobody(_: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    at = bench("127.0.0.1:1 private", "gone.test:80", resolve=nobody)
    assert at.run(CONNECT, host="127.0.0.1", port=1)[0] == "ConnectionRefusedError"
    assert at.run(CONNECT, host="gone.test", port=80)[0] == "gaierror"


def test_a_connect_timeout_is_kept(bench: MakeBench) -> None:
    # A listener whose queue is full answers nothing.
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        place = full.getsockname()
        first.connect(place)
        fillers = [socket.socket() for _ in range(4)]
        for sock in fillers:
            sock.setblocking(False)
            sock.connect_ex(place)
        at = bench(f"127.0.0.1:{place[1]} private")
        code = CONNECT.replace("timeout=5", "timeout=0.3")
        started = time.monotonic()
        kind, _ = at.run(code, host="127.0.0.1", port=place[1])
        seconds = time.monotonic() - started
        for sock in fillers:
            sock.close()
    assert kind == "TimeoutError"
    assert seconds < 4.5
