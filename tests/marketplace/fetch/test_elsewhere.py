"""Redirects, names of this machine, credentials: who is asked, and who is not."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.fetch import Credentials, Fetcher, allowed
from lockgate_marketplace.sources import Index
from tests.marketplace.fetch.fetched import NOBODY, QUICK, body_of, index_of, refused
from tests.support.indexes import LoopbackIndex, loopback_index, redirect
from tests.support.servers import http_server, reply


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
