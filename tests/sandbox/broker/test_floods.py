"""A granted server that keeps its client busy: by what is no answer, or in crumbs."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import h11
import httpx
import pytest

from lockgate_sandbox.broker._crumbs import Crumbs
from tests.sandbox.broker.conftest import MakeBench
from tests.support.servers import serve

GET = """
import httpx
client = httpx.Client(transport=session.http_transport(), timeout=None)
try:
    result = len(client.get(url).content)
except Exception as error:
    result = f"{type(error).__name__}: {error}"
"""
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CRUMB = b"1\r\nx\r\n"


@contextmanager
def flooding(head: bytes, piece: bytes) -> Generator[str]:
    """The address of a server that says `head` and then `piece` without end."""

    def handler(sock: socket.socket) -> None:
        sock.recv(65_536)
        sock.sendall(head)
        while True:
            sock.sendall(piece * 1_000)

    with serve(handler) as server:
        yield f"http://127.0.0.1:{server.port}/"


@pytest.mark.kernel
def test_what_is_no_answer_ends_before_the_deadline(bench: MakeBench) -> None:
    with flooding(b"", HINTS) as url:
        at = bench(f"{url} private")  # a minute, by default
        told = at.run(GET, url=url)
        assert told == "RemoteProtocolError: the server's answer does not begin"
        (ended,) = at.ended()
        assert "does not begin" in ended.reason

    # What speaks HTTP below the broker and httpx alike takes each of them.
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    client.receive_data(HINTS * 6_000)
    events = [client.next_event() for _ in range(6_000)]
    assert len(HINTS) * 6_000 > 192 << 10
    assert {type(event) for event in events} == {h11.InformationalResponse}


@pytest.mark.kernel
def test_crumbs_come_no_faster_than_they_cost(bench: MakeBench) -> None:
    with flooding(CHUNKED, CRUMB) as url:
        at = bench(f"{url} seconds=1 private")
        began = time.monotonic()
        assert "ReadTimeout" in str(at.run(GET, url=url))
        took = time.monotonic() - began
        (ended,) = at.ended()
        assert ended.bytes <= 2_000 + 2_000 * took + 1

        with httpx.stream("GET", url, trust_env=False) as answer:
            pieces = enumerate(answer.iter_raw())
            assert any(number == 20_000 for number, _ in pieces)


def ticking(*times: float) -> Callable[[], float]:
    given = iter(times)
    return lambda: next(given)


def test_only_small_pieces_are_counted_and_all_answers_together() -> None:
    crumbs = Crumbs(ticking(0.0, *[0.0] * 2_001, 1.0, 1.0))

    assert {crumbs.wait(65_536) for _ in range(5_000)} == {0.0}
    assert {crumbs.wait(1) for _ in range(2_000)} == {0.0}
    assert crumbs.wait(1) == pytest.approx(1 / 2_000)
    assert crumbs.wait(511) == 0.0  # a second later
    assert crumbs.wait(512) == 0.0
