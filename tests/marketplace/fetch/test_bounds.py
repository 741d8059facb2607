"""Pages without end, bombs, and servers that are slow: each has a bound."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpcore
import pytest

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import Fetcher, FetchLimits
from lockgate_marketplace.sources import Index
from tests.marketplace.fetch.fetched import NOBODY, QUICK, body_of, index_of, refused
from tests.support.indexes import LoopbackIndex, compressed, drip, gzip_bomb
from tests.support.servers import Request, reply


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"x"), ("gzip", b"no gzip"), ("gzip, gzip", b""), ("deflate", b"x")],
)
def test_another_encoding_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, encoding: str, body: bytes
) -> None:
    header = f"Content-Encoding: {encoding}"
    server.answers["/x"] = lambda _: reply(body, headers=(header,))

    with refused("fetch-encoding"):
        fetcher.page(index_of(server), f"{server.origin}/x")


def test_something_after_a_gzip_stream_is_refused(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    packed = compressed(b"a").partition(b"\r\n\r\n")[2]
    headers = ("Content-Encoding: gzip",)
    server.answers["/x"] = lambda _: reply(packed + packed, headers=headers)

    with refused("fetch-encoding"):
        fetcher.page(index_of(server), f"{server.origin}/x")


def test_a_page_over_the_limit_is_refused(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    url = body_of(server, b"x" * (QUICK.page_bytes + 1))

    with refused("fetch-too-large"):
        fetcher.page(index_of(server), url)


def test_a_page_without_a_promised_length_is_counted(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    sent: list[int] = []

    def endless(_: Request) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            sent.append(1)
            yield b"x" * (1 << 16)

    server.answers["/x"] = endless

    with refused("fetch-too-large"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(sent) < 200


def test_a_gzip_bomb_is_refused(server: LoopbackIndex, fetcher: Fetcher) -> None:
    bomb = gzip_bomb(1 << 26)
    server.answers["/x"] = lambda _: bomb

    with refused("fetch-too-large"):
        fetcher.page(index_of(server), f"{server.origin}/x")


@pytest.mark.parametrize("header", [False, True])
def test_a_byte_a_time_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, header: bool
) -> None:
    server.answers["/x"] = drip(b"x" * 600, seconds=0.05, header=header)

    began = time.monotonic()
    with refused("fetch-slow"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert time.monotonic() - began < 15  # of 30 s


def test_without_the_pace_a_byte_a_time_goes_on(server: LoopbackIndex) -> None:
    """The attack with the layer off: each read is in time, all of them are not."""
    server.answers["/x"] = drip(b"x" * 15, seconds=0.05)
    timeouts = {"read": QUICK.slowest_seconds, "connect": 1.0}

    with httpcore.ConnectionPool() as pool:
        began = time.monotonic()
        url = f"{server.origin}/x"
        answer = pool.request("GET", url, extensions={"timeout": timeouts})

    assert answer.status == 200
    assert time.monotonic() - began > 2 * QUICK.slowest_seconds


def test_the_deadline_is_for_the_whole_answer(server: LoopbackIndex) -> None:
    limits = FetchLimits(page_seconds=0.4, slowest=0, slowest_seconds=0.1)
    server.answers["/x"] = drip(b"x" * 100, seconds=0.05)

    with (
        Fetcher(limits=limits, credentials=NOBODY) as fetcher,
        refused("fetch-deadline"),
    ):
        fetcher.page(index_of(server), f"{server.origin}/x")


def test_silence_is_an_error(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        with pytest.raises(FetchError) as caught:
            fetcher.page(Index("main", url), url)

    assert caught.value.code in ("fetch-slow", "fetch-deadline")


def test_nobody_listening_is_an_error(fetcher: Fetcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"

    with refused("fetch-unreachable"):
        fetcher.page(Index("main", url), url)


def test_what_is_no_http_is_an_error(server: LoopbackIndex, fetcher: Fetcher) -> None:
    server.answers["/x"] = lambda _: b"SSH-2.0-OpenSSH\r\n\r\n"

    with refused("fetch-truncated"):
        fetcher.page(index_of(server), f"{server.origin}/x")
