"""Pages from a real server on loopback, honest and otherwise."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest

from lockgate_marketplace.errors import FetchError
from lockgate_marketplace.fetch import Credentials, Fetcher, FetchLimits, allowed
from lockgate_marketplace.sources import Index
from tests.support.indexes import (
    LoopbackIndex,
    compressed,
    drip,
    gzip_bomb,
    loopback_index,
    redirect,
)
from tests.support.servers import Request, http_server, reply

QUICK = FetchLimits(
    page_bytes=1 << 20,
    page_seconds=2,
    slowest_seconds=0.3,
    idle_seconds=0.5,
    backoff_seconds=0.001,
    attempts=3,
)
NOBODY = Credentials({}, {})


@pytest.fixture
def server() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


@pytest.fixture
def fetcher(tmp_path: Path) -> Generator[Fetcher]:
    with Fetcher(tmp_path / "cache", limits=QUICK, credentials=NOBODY) as fetcher:
        yield fetcher


def index_of(server: LoopbackIndex, **how: Any) -> Index:
    return Index("main", server.url, **how)


def refused(code: str) -> Any:
    return pytest.raises(FetchError, check=lambda error: error.code == code)


def body_of(server: LoopbackIndex, content: bytes) -> str:
    server.served["/x"] = content
    return f"{server.origin}/x"


# Pages


def test_a_page_is_fetched_once_and_then_revalidated(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    url = body_of(server, b"one")
    first = fetcher.page(index_of(server), url)
    second = fetcher.page(index_of(server), url)
    server.served["/x"] = b"two"
    third = fetcher.page(index_of(server), url)

    assert [r.origin for r in (first, second, third)] == ["new", "revalidated", "new"]
    assert [r.content for r in (first, second, third)] == [b"one", b"one", b"two"]


def test_a_damaged_cache_entry_is_not_used(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = body_of(server, b"one")
    fetcher.page(index_of(server), url)
    (entry,) = (tmp_path / "cache").glob("??/*")
    entry.write_bytes(entry.read_bytes().replace(b"\none", b"\nevil"))

    assert fetcher.page(index_of(server), url).content == b"one"
    assert server.requests[-1].header("if-none-match") is None


def test_a_cache_that_others_may_write_is_not_used(
    server: LoopbackIndex, fetcher: Fetcher, tmp_path: Path
) -> None:
    url = body_of(server, b"one")
    fetcher.page(index_of(server), url)
    (entry,) = (tmp_path / "cache").glob("??/*")
    entry.chmod(0o666)

    assert fetcher.page(index_of(server), url).origin == "new"


def test_a_cache_whose_folder_others_may_write_is_not_used(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    """Whoever may can't write our files, and can put an old one back."""
    fetcher.remember("a", b"kept")
    assert fetcher.remembered("a") == b"kept"

    (tmp_path / "cache").chmod(0o777)

    assert fetcher.remembered("a") is None


@pytest.mark.parametrize("status", ["304 Not Modified", "206 Partial Content"])
def test_a_sidecar_that_is_no_whole_answer_is_refused(
    server: LoopbackIndex, fetcher: Fetcher, status: str
) -> None:
    server.answers["/x"] = lambda _: reply(b"", status)

    with refused("fetch-status"):
        fetcher.sidecar(index_of(server), f"{server.origin}/x")


def test_all_pages_together_have_a_bound(server: LoopbackIndex) -> None:
    limits = FetchLimits(total_bytes=5000)
    url = body_of(server, b"x" * 2000)
    with Fetcher(limits=limits, credentials=NOBODY) as fetcher:
        for number in range(2):
            fetcher.page(index_of(server), f"{url}?{number}")
        with refused("fetch-too-much"):
            fetcher.page(index_of(server), f"{url}?2")
        with refused("fetch-too-much"):
            fetcher.sidecar(index_of(server), f"{url}?3")


def test_the_cache_is_trimmed(server: LoopbackIndex, tmp_path: Path) -> None:
    limits = FetchLimits(cache_bytes=5000)
    with Fetcher(tmp_path / "cache", limits=limits, credentials=NOBODY) as fetcher:
        for number in range(4):
            url = body_of(server, b"x" * 2000)
            fetcher.page(index_of(server), f"{url}?{number}")

    kept = sum(path.stat().st_size for path in (tmp_path / "cache").glob("??/*"))
    assert 2000 < kept <= 5000


def test_a_compressed_page_is_unpacked(server: LoopbackIndex, fetcher: Fetcher) -> None:
    server.answers["/x"] = lambda _: compressed(b"hello" * 1000)

    content = fetcher.page(index_of(server), f"{server.origin}/x").content

    assert content == b"hello" * 1000


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
    server.answers["/x"] = drip(b"x" * 100, seconds=0.05, header=header)

    began = time.monotonic()
    with refused("fetch-slow"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert time.monotonic() - began < 2


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


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("401 Unauthorized", "fetch-denied"),
        ("403 Forbidden", "fetch-denied"),
        ("404 Not Found", "fetch-missing"),
        ("418 I'm a teapot", "fetch-status"),
        ("503 Service Unavailable", "fetch-status"),
    ],
)
def test_a_status_has_its_code(
    server: LoopbackIndex, fetcher: Fetcher, status: str, code: str
) -> None:
    server.answers["/x"] = lambda _: reply(b"", status)

    with refused(code):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(server.requests) == (3 if status.startswith("503") else 1)


def test_an_answer_that_comes_at_last_is_taken(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    answers = [reply(b"", "503 x"), reply(b"", "429 x", ("Retry-After: 0",)), reply()]
    server.answers["/x"] = lambda _: answers.pop(0)

    assert fetcher.page(index_of(server), f"{server.origin}/x").content == b"ok"


def test_a_long_wait_is_refused_at_once(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    wait = ("Retry-After: 99999",)
    server.answers["/x"] = lambda _: reply(b"", "503 x", wait)

    with refused("fetch-status"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(server.requests) == 1


# Where an index may lead


def test_a_redirect_within_the_index_is_followed(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    url = body_of(server, b"there")
    server.answers["/y"] = redirect("/x")

    response = fetcher.page(index_of(server), f"{server.origin}/y")

    assert (response.content, response.url) == (b"there", url)


def test_redirects_without_end_are_refused(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    server.answers["/x"] = redirect("/x")

    with refused("fetch-redirects"):
        fetcher.page(index_of(server), f"{server.origin}/x")
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("file:///etc/passwd", "fetch-scheme"),
        ("ftp://127.0.0.1/x", "fetch-scheme"),
        ("//[::1", "fetch-url"),
        ("http://u:p@127.0.0.1/", "fetch-url"),
        ("http://127.0.0.1:x/", "fetch-url"),
        ("/a b", "fetch-url"),
        ("http://other.example/", "fetch-scheme"),
        ("https://other.example/", "fetch-host"),
        ("http://127.0.0.1:1/", "fetch-host"),
        ("/" + "x" * 5000, "fetch-url"),
    ],
)
def test_a_redirect_elsewhere_is_refused_before_it_is_asked(
    server: LoopbackIndex, fetcher: Fetcher, to: str, code: str
) -> None:
    server.answers["/x"] = redirect(to)

    with refused(code):
        fetcher.page(index_of(server), f"{server.origin}/x")


def test_a_host_that_the_owner_named_is_followed(
    server: LoopbackIndex, fetcher: Fetcher
) -> None:
    with loopback_index() as other:
        server.answers["/x"] = redirect(body_of(other, b"there"))
        files = frozenset((f"127.0.0.1:{other.server.port}",))

        page = fetcher.page(index_of(server, files=files), f"{server.origin}/x")

    assert page.content == b"there"


def test_an_https_index_never_leads_to_http(fetcher: Fetcher) -> None:
    index = Index("main", "https://127.0.0.1/", files=frozenset(("localhost",)))

    with refused("fetch-scheme"):
        fetcher.page(index, "http://localhost/x")


def test_a_name_that_stands_for_this_machine_is_refused(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of the web that resolves to an address behind the owner's firewall."""
    real = socket.getaddrinfo

    def answered(host: str, *rest: Any, **how: Any) -> Any:
        told = {"a.example": "127.0.0.1", "b.example": "169.254.169.254"}
        told["c.example"] = "::ffff:127.0.0.1"
        return real(told.get(host, host), *rest, **how)

    monkeypatch.setattr(socket, "getaddrinfo", answered)
    for host in ("a", "b", "c"):
        url = f"http://{host}.example:9/"
        with refused("fetch-address"):
            fetcher.page(Index("main", url, insecure=True), url)


def test_a_server_that_cannot_prove_who_it_is_is_refused(fetcher: Fetcher) -> None:
    with http_server(names=("127.0.0.1",)) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with refused("fetch-tls"):
            fetcher.page(Index("main", url), url)


# Credentials


def test_credentials_go_to_the_index_and_nowhere_else(server: LoopbackIndex) -> None:
    who = Credentials({"LOCKGATE_INDEX_MAIN_PASSWORD": "secret"}, {})
    with (
        loopback_index() as other,
        Fetcher(limits=QUICK, credentials=who) as fetcher,
    ):
        server.answers["/x"] = redirect(body_of(other, b"there"))
        files = frozenset((f"127.0.0.1:{other.server.port}",))
        fetcher.page(index_of(server, files=files), f"{server.origin}/x")

        sent = server.requests[0].header("authorization")
        assert sent == "Basic X190b2tlbl9fOnNlY3JldA=="
        assert other.requests[0].header("authorization") is None
    assert "secret" not in repr(who)


def test_netrc_is_for_the_host_that_it_names(
    server: LoopbackIndex, tmp_path: Path
) -> None:
    path = tmp_path / "netrc"
    path.write_text(
        "machine 127.0.0.1 login me password pw\ndefault login any password x\n"
    )
    who = Credentials.of_user({"NETRC": str(path)})
    with Fetcher(limits=QUICK, credentials=who) as fetcher:
        fetcher.page(index_of(server), body_of(server, b"x"))
        local = Index("main", server.url.replace("127.0.0.1", "localhost"))
        fetcher.page(local, local.url)

    assert server.requests[0].header("authorization") == "Basic bWU6cHc="
    assert server.requests[1].header("authorization") is None


def test_netrc_goes_to_no_other_port_of_the_host(
    server: LoopbackIndex, tmp_path: Path
) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password pw\n")
    who = Credentials.of_user({"NETRC": str(path)})
    with (
        loopback_index() as other,
        Fetcher(limits=QUICK, credentials=who) as fetcher,
    ):
        server.answers["/x"] = redirect(body_of(other, b"there"))
        port = other.server.port
        for files in ("127.0.0.1", f"127.0.0.1:{port}"):
            index = index_of(server, files=frozenset((files,)))
            fetcher.page(index, f"{server.origin}/x")

    assert {r.header("authorization") for r in server.requests} == {"Basic bWU6cHc="}
    assert [r.header("authorization") for r in other.requests] == [
        None,  # any port was meant for files, and none for the password
        "Basic bWU6cHc=",  # this one was named
    ]


@pytest.mark.parametrize(
    ("url", "at", "goes"),
    [
        ("https://a.test/", "https://a.test/x", True),
        ("https://a.test:8443/", "https://a.test:8443/x", True),
        ("https://a.test/", "https://b.test/x", True),
        ("https://a.test/", "https://b.test:8443/x", False),
        ("http://a.test/", "http://a.test/x", False),
        ("http://a.test/", "http://b.test/x", False),
    ],
)
def test_netrc_goes_over_tls_to_whom_the_owner_meant(
    url: str, at: str, goes: bool
) -> None:
    hosts = {"a.test": ("me", "pw"), "b.test": ("me", "pw")}
    index = Index("main", url, files=frozenset(("b.test",)), insecure=True)

    assert bool(Credentials({}, hosts).header(index, allowed(index, at))) is goes


def test_a_broken_netrc_is_told_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine x login me passwrod hunter2")

    with refused("fetch-credentials") as caught:
        Credentials.of_user({"NETRC": str(path)})
    assert "hunter2" not in str(caught.value)


# Proxies and threads


@pytest.mark.parametrize("wanted", [False, True])
def test_a_proxy_is_used_only_if_the_owner_says_so(
    wanted: bool, server: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loopback_index() as proxy:
        proxy.answers[body_of(server, b"direct")] = lambda _: reply(b"proxied")
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "")
        with Fetcher(limits=QUICK, credentials=NOBODY, proxies=wanted) as fetcher:
            page = fetcher.page(index_of(server), f"{server.origin}/x")

    assert page.content == (b"proxied" if wanted else b"direct")


def test_threads_share_a_fetcher(server: LoopbackIndex, fetcher: Fetcher) -> None:
    for number in range(12):
        server.served[f"/n{number}"] = str(number).encode() * 100_000
    got: dict[int, bytes] = {}

    def one(number: int) -> None:
        url = f"{server.origin}/n{number}"
        got[number] = fetcher.page(index_of(server), url).content

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert got == {n: str(n).encode() * 100_000 for n in range(12)}
