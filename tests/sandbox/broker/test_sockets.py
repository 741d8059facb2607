"""The socket shim: clients that know nothing of us, against real loopback servers."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from lockgate_sandbox import WorkerDiedError
from tests.sandbox.broker.conftest import Bench, MakeBench, always
from tests.support.sandbox import wait_until
from tests.support.servers import Request, authority, http_server, reply, serve

pytestmark = pytest.mark.kernel


def big(request: Request) -> bytes:
    """As many bytes as the path asks for, or the body back."""
    if request.body:
        return reply(request.body)
    return reply(b"z" * int(request.target.strip("/") or 2))


def hang(sock: socket.socket) -> None:
    """Read for ever, say nothing."""
    while sock.recv(1 << 16):
        pass


def echo(sock: socket.socket) -> None:
    """Send everything back, until the other side ends."""
    while data := sock.recv(1 << 16):
        sock.sendall(data)


def settled() -> bool:
    """Whether no thread of a broker is left."""
    names = [thread.name for thread in threading.enumerate()]
    return not any(name.startswith("lockgate-") for name in names)


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


@pytest.mark.parametrize("tls", [False, True])
def test_aiohttp_works_unchanged(bench: MakeBench, tmp_path: Path, tls: bool) -> None:
    def slow(request: Request) -> bytes:
        time.sleep(0.2)
        return big(request)

    with http_server(slow, names=("api.test",) if tls else ()) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        code = """
            import aiohttp, asyncio, ssl, time
            async def main():
                context = ssl.create_default_context(cadata=pem) if tls else True
                connector = aiohttp.TCPConnector(ssl=context)
                async with aiohttp.ClientSession(connector=connector) as client:
                    async def one(n):
                        async with client.get(url + str(n)) as answer:
                            return [answer.status, len(await answer.read())]
                    started = time.monotonic()
                    found = await asyncio.gather(*map(one, range(1, 9)))
                    return [found, time.monotonic() - started]
            result = asyncio.run(main())
        """
        url = f"http{'s' if tls else ''}://api.test:{server.port}/"
        found, seconds = at.run(code, url=url, tls=tls, pem=certificates(at, tmp_path))
    assert found == [[200, n] for n in range(1, 9)]
    assert seconds < 8 * 0.2


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


def test_a_socket_looks_like_one_of_tcp(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"api.test:{server.port} private", resolve=always("127.0.0.1"))
        code = """
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
            result = [
                early, int(sock.family), int(sock.type), sock.proto,
                sock.fileno() == number, os.get_inheritable(number),
                sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR),
                sock.gettimeout(), peer[0].startswith("198.18."), peer[1], len(name),
                twin.getpeername() == peer, socket.gethostbyaddr(peer[0])[0],
                socket.getnameinfo(peer, 0)[0], sock.connect_ex(("api.test", port)),
            ]
            sock.close()
            twin.sendall(b"still")
            result.append(twin.recv(5))
            twin.close()
        """
        told = at.run(code, port=server.port)
    assert told == [
        107,
        2,
        1,
        0,
        True,
        False,
        1,
        0,
        5.0,
        True,
        server.port,
        2,
        True,
        "api.test",
        "api.test",
        106,
        b"still",
    ]


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


CONNECT = """
import socket
try:
    with socket.create_connection((host, port), timeout=5) as sock:
        result = "connected"
except OSError as error:
    result = [type(error).__name__, str(error)]
"""


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.2",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "::ffff:127.0.0.1",
        "::1",
        "169.254.169.254",
        "198.18.0.9",
        "evil.test",
    ],
)
def test_what_is_not_granted_is_not_dialled(bench: MakeBench, host: str) -> None:
    asked: list[str] = []
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private", resolve=asked.append)
        kind, text = at.run(CONNECT, host=host, port=server.port)
        assert server.connections == 0
    assert kind == "PermissionError"
    assert "refused" in text
    assert asked == []  # no name is looked up that is not granted
    assert [record.decision for record in at.records] == ["deny"]


def test_another_port_of_a_granted_host_is_refused(bench: MakeBench) -> None:
    with serve(echo) as server, serve(echo) as other:
        at = bench(f"127.0.0.1:{server.port} private")
        kind, text = at.run(CONNECT, host="127.0.0.1", port=other.port)
        assert other.connections == 0
    assert kind == "PermissionError"
    wanted = f"hosts=('127.0.0.1:{other.port}',) in the policy"
    assert wanted in text
    assert at.denials()[0].grant == wanted


@pytest.mark.parametrize(
    "more", ["/ private", "/v1/ private", "/ methods=GET private", "/ bearer=T private"]
)
def test_a_grant_about_requests_names_the_transport(
    bench: MakeBench, more: str
) -> None:
    with serve(echo) as server:
        at = bench(f"http://127.0.0.1:{server.port}{more}")
        kind, text = at.run(CONNECT, host="127.0.0.1", port=server.port)
        assert server.connections == 0
    assert kind == "PermissionError"
    assert "transport=session.http_transport()" in text


def test_a_private_address_behind_a_name_is_refused(bench: MakeBench) -> None:
    for answer in (["10.0.0.1"], ["93.184.215.14", "::ffff:127.0.0.1"]):
        at = bench("api.test:80", resolve=always(*answer))
        kind, text = at.run(CONNECT, host="api.test", port=80)
        assert kind == "PermissionError"
        assert "api.test is" in text
        assert "'api.test:80 private'" in at.denials()[0].grant


def test_a_name_is_pinned_for_sockets_and_requests_alike(bench: MakeBench) -> None:
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    with http_server() as server:
        at = bench(f"api.test:{server.port} private", resolve=resolve)
        code = """
            import httpx, requests
            first = requests.get(url).text
            client = httpx.Client(transport=session.http_transport())
            result = [first, client.get(url).text, requests.get(url).text]
        """
        assert at.run(code, url=f"http://api.test:{server.port}/") == ["ok"] * 3
    assert asked == ["api.test"]


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
    assert seconds < 3


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_byte_quota_ends_a_connection(bench: MakeBench, way: str) -> None:
    moved = [0]

    def endless(sock: socket.socket) -> None:
        while way == "down":
            sock.sendall(b"x" * 4_096)
        while data := sock.recv(1 << 16):
            moved[0] += len(data)

    with serve(endless) as server:
        at = bench(f"127.0.0.1:{server.port} private bytes=1M")
        code = """
            import socket
            sock = socket.create_connection(("127.0.0.1", port))
            moved, data = 0, b"y" * 65536
            try:
                while True:
                    got = len(sock.recv(4096)) if way == "down" else sock.send(data)
                    moved += got
                    if not got:
                        break
            except OSError:
                pass
            result = moved
        """
        got = at.run(code, port=server.port, way=way)
        assert wait_until(lambda: at.records[-1].decision == "end")
    assert at.records[-1].bytes == 1 << 20
    assert "quota" in at.records[-1].reason
    assert (got if way == "down" else moved[0]) <= 1 << 20


def test_parallel_connections_share_the_quota(bench: MakeBench) -> None:
    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"x" * 4_096)

    with serve(endless) as server:
        at = bench(f"127.0.0.1:{server.port} private bytes=2M")
        code = """
            import socket
            from concurrent.futures import ThreadPoolExecutor
            def one(_):
                got = 0
                try:
                    with socket.create_connection(("127.0.0.1", port)) as sock:
                        while data := sock.recv(65536):
                            got += len(data)
                except OSError:
                    pass
                return got
            with ThreadPoolExecutor(8) as pool:
                result = sum(pool.map(one, range(8)))
        """
        got = at.run(code, port=server.port)
    assert 1 << 20 < got <= 2 << 20


def test_connections_at_once_are_bounded(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import socket
            held = []
            try:
                for _ in range(200):
                    held.append(socket.create_connection(("127.0.0.1", port)))
            except PermissionError as error:
                result = [len(held), str(error)]
        """
        count, text = at.run(code, port=server.port)
    assert count <= 64
    assert "used up" in text


def test_a_silent_connection_ends_at_its_idle_limit(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"127.0.0.1:{server.port} private seconds=1")
        code = """
            import socket
            with socket.create_connection(("127.0.0.1", port)) as sock:
                result = sock.recv(1)
        """
        started = time.monotonic()
        assert at.run(code, port=server.port) == b""
        assert time.monotonic() - started < 5
    assert "nothing moved for 1 s" in at.records[-1].reason


def test_a_connection_ends_when_its_grant_is_revoked(bench: MakeBench) -> None:
    going = threading.Event()

    def drip(sock: socket.socket) -> None:
        for count in range(10_000):
            sock.sendall(b"x")
            if count == 30:  # the worker has its half by now
                going.set()
            time.sleep(0.01)

    with serve(drip) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        (grant,) = at.broker.policy.hosts

        def revoke() -> None:
            going.wait(10)
            at.broker.revoke(grant)

        thread = threading.Thread(target=revoke)
        thread.start()
        code = """
            import socket
            count = 0
            with socket.create_connection(("127.0.0.1", port)) as sock:
                try:
                    while data := sock.recv(100):
                        count += 1
                except ConnectionError:
                    pass
            result = count
        """
        assert at.run(code, port=server.port) > 0
        thread.join()
        assert at.run(CONNECT, host="127.0.0.1", port=server.port)[0] == (
            "PermissionError"
        )
        assert wait_until(
            lambda: any("taken back" in record.reason for record in at.records)
        )


def test_descriptors_sent_into_a_relay_go_nowhere(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import array, os, socket
            sock = socket.create_connection(("127.0.0.1", port))
            reader, writer = os.pipe()
            for _ in range(300):
                fds = array.array("i", [writer] * 8)
                sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
                assert sock.recv(1) == b"x"
            os.close(writer)
            result = os.read(reader, 1)  # the end: nobody holds the other half
        """
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        assert at.run(code, port=server.port) == b""
        # The relay's two, the server's one, and the selector's.
        assert wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before + 8)  # noqa: PTH208


@pytest.mark.parametrize(
    "code",
    [
        "import _socket; _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)",
        "import _socket; _socket.socket(_socket.AF_INET6, _socket.SOCK_STREAM)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "import socket; socket.socket(socket.AF_UNIX)",
        "import socket; socket.create_server(('127.0.0.1', 0))",
        "import socket; socket.socket().listen()",
        "import _socket; _socket.socket(2, 1, 0, relay).connect(('127.0.0.1', port))",
        "import _socket; _socket.socket(1, 1, 0, relay).connect('/tmp/x')",
        "import _socket; _socket.socket(1, 1, 0, relay).bind('/tmp/x')",
        "import _socket; _socket.socket(1, 1, 0, relay).listen()",
        "import _socket; _socket.socket(2, 1, 0, relay).sendto(b'', ('127.0.0.1', 1))",
    ],
)
def test_around_the_shim_the_kernel_refuses(bench: MakeBench, code: str) -> None:
    """The shim is no boundary: what does not use it has no socket at all."""
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        lines = f"""
import socket
kept = socket.create_connection(("127.0.0.1", port))
relay = kept.fileno()
try:
    {code}
    result = "done"
except OSError as error:
    result = error.errno
"""
        assert at.run(lines, port=server.port) in (1, 13, 22)
        assert wait_until(lambda: server.connections == 1)


def test_nothing_of_a_dead_workers_connections_is_left(bench: MakeBench) -> None:
    with serve(hang) as server:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import os, socket
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
            session.call_host("broker.net.open", {"host": "127.0.0.1", "port": port})
            os._exit(3)
        """
        with pytest.raises(WorkerDiedError):
            at.run(code, port=server.port)
        # Those that the worker held end by themselves, the uncollected with the broker.
        ends = [record for record in at.records if record.decision == "end"]
        assert wait_until(
            lambda: len([r for r in at.records if r.decision == "end"]) >= 8
        ), ends
        at.close()
        assert wait_until(settled)
    assert wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"host": 1, "port": 80},
        {"host": "a.test", "port": "80"},
        {"host": "a.test", "port": True},
        {"host": "a.test\n", "port": 443},
        {"host": "a.test", "port": -1},
        {"host": "a.test", "port": 1 << 40},
        {"host": "a" * 100_000, "port": 443},
    ],
    ids=str,
)
def test_a_forged_request_for_a_connection_is_refused(
    bench: MakeBench, asked: dict[str, object]
) -> None:
    at = bench("a.test")
    code = """
        try:
            session.call_host("broker.net.open", asked)
            result = "open"
        except session.HostCallError as error:
            result = error.code
    """
    assert at.run(code, asked=asked) in ("permission-denied", "callback-failed")
    if len(str(asked)) > 1_000:
        assert all(len(record.resource) <= 1_024 for record in at.records)


def test_a_connection_can_be_collected_once(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            asked = {"host": "127.0.0.1", "port": port}
            n = session.call_host("broker.net.open", asked)
            while not (got := session.call_host_fds("broker.net.wait", {"id": n}))[1]:
                pass
            result = []
            for number in (n, n + 1, "1", None):
                try:
                    session.call_host("broker.net.wait", {"id": number})
                except session.HostCallError as error:
                    result.append(str(error))
        """
        assert at.run(code, port=server.port) == ["no such connection"] * 4


def test_sockets_of_a_policy_without_hosts_say_what_is_missing(
    bench: MakeBench,
) -> None:
    at = bench(secrets_known=["KEY"], secrets={"KEY": "v"})
    kind, text = at.run(CONNECT, host="api.test", port=443)
    assert kind == "PermissionError"
    assert "hosts=('api.test:443',) in the policy" in text
