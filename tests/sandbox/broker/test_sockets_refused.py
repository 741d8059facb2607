"""The socket shim: what it does not dial, and what goes around it."""

from __future__ import annotations

import os

import pytest

from tests.sandbox.broker.conftest import MakeBench, always
from tests.sandbox.broker.peers import CONNECT, echo
from tests.support.sandbox import wait_until
from tests.support.servers import http_server, serve

pytestmark = pytest.mark.kernel


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
