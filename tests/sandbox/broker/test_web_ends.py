"""How a conversation ends: odd servers, revoked grants, dead workers."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any

import pytest

from lockgate_sandbox import WallLimitError
from lockgate_sandbox.broker._addresses import Pins
from lockgate_sandbox.broker._pinned import PinnedNetwork
from lockgate_sandbox.broker._pinned import _Stream as Stream  # pyright: ignore
from lockgate_sandbox.broker._quota import Meters
from lockgate_sandbox.broker._refusal import RevokedError
from tests.sandbox.broker.asking import GET, hang
from tests.sandbox.broker.conftest import MakeBench
from tests.support.servers import http_server, reply, serve

pytestmark = pytest.mark.kernel


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

    def heard(self, count: int) -> None:
        assert count == 0


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
