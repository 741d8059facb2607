"""Every denial names the grant that would allow it, to the worker and to the owner."""

from __future__ import annotations

import ast
import re
import socket
from dataclasses import replace
from typing import Any

import pytest

from lockgate_sandbox import Policy
from lockgate_sandbox.grants import TOTAL
from tests.sandbox.broker.conftest import Bench, MakeBench
from tests.sandbox.broker.peers import CONNECT, echo
from tests.support.servers import http_server, serve

pytestmark = pytest.mark.kernel

ASK = """
import httpx
client = httpx.Client(transport=session.http_transport())
result = []
for _ in range(times):
    try:
        answer = client.request(method, url, headers=headers, content=body)
        result.append([answer.status_code, ""])
    except PermissionError as error:
        result.append([0, str(error)])
"""


def ask(at: Bench, url: str, **how: Any) -> list[tuple[Any, str]]:
    """Status, or 0 and the words of a refusal, of some requests of one worker."""
    plain: dict[str, Any] = {"times": 1, "method": "GET", "headers": {}, "body": b""}
    return [(one, text) for one, text in at.run(ASK, url=url, **{**plain, **how})]


def wanted(at: Bench, text: str, field: str = "hosts") -> str:
    """What the last denial says would allow it; the worker was told the same."""
    hint = at.denials()[-1].grant
    assert f"To allow it: {hint}" in text
    found = re.fullmatch(rf"{field}=\(?('.*?'),?\)? in the policy", hint)
    assert found is not None, hint
    return str(ast.literal_eval(found[1]))


@pytest.mark.parametrize(
    ("words", "proposed"),
    [("requests=2", "requests=4"), ("rate=0.001 burst=2", "rate=0.002 burst=4")],
)
def test_requests_that_are_too_many_name_a_larger_quota(
    bench: MakeBench, words: str, proposed: str
) -> None:
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/"
        at = bench(f"{url} private {words}")
        *fine, (refused, text) = ask(at, url, times=3)
        larger = wanted(at, text)
        after = ask(bench(larger), url, times=3)

    assert [status for status, _ in fine] == [200, 200]
    assert refused == 0
    assert larger == f"{url.rstrip('/')} {proposed} private"
    assert [status for status, _ in after] == [200] * 3


def test_bytes_that_are_too_many_name_a_larger_quota(bench: MakeBench) -> None:
    with http_server(lambda _: _large(1_500_000)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        at = bench(f"{url} private bytes=1M")
        [(refused, text)] = ask(at, url)
    larger = wanted(at, text)

    assert refused == 0
    assert larger == f"{url.rstrip('/')} bytes=2M private"
    decisions = [record.decision for record in at.ended() and at.records]
    assert decisions == ["allow", "deny", "end"]


def test_the_quota_of_all_hosts_is_named_by_itself(bench: MakeBench) -> None:
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/"
        at = bench(f"{url} private", total="requests=2")
        *_, (refused, text) = ask(at, url, times=3)
    larger = wanted(at, text, "total")

    assert refused == 0
    assert larger == "requests=4"
    given = Policy.for_tier("elevated", total=larger)
    assert given.total == replace(TOTAL, requests=4)


def test_a_connection_too_many_names_a_larger_quota(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private requests=1")
        where = {"host": "127.0.0.1", "port": server.port}
        assert at.run(CONNECT, **where) == "connected"
        kind, text = at.run(CONNECT, **where)
    larger = wanted(at, text)

    assert kind == "PermissionError"
    assert larger == f"127.0.0.1:{server.port} requests=2 private"


def test_a_connection_that_ends_for_its_bytes_is_on_record(bench: MakeBench) -> None:
    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"x" * 4_096)

    code = """
        import socket
        got = 0
        with socket.create_connection(("127.0.0.1", port)) as sock:
            try:
                while data := sock.recv(65536):
                    got += len(data)
            except OSError:
                pass
        try:
            socket.create_connection(("127.0.0.1", port))
        except OSError as error:
            result = str(error)
    """
    with serve(endless) as server:
        at = bench(f"127.0.0.1:{server.port} private bytes=64K")
        text = at.run(code, port=server.port)

    first, second = at.denials()
    assert first.grant == second.grant
    assert wanted(at, text) == f"127.0.0.1:{server.port} bytes=128K private"
    assert first.reason == at.ended()[0].reason


def test_a_socket_for_a_grant_of_requests_names_one_of_bytes(bench: MakeBench) -> None:
    with serve(echo) as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1/ methods=GET private")
        where = {"host": "127.0.0.1", "port": server.port}
        kind, text = at.run(CONNECT, **where)
        bytes_only = wanted(at, text)
        assert bench(bytes_only).run(CONNECT, **where) == "connected"

    assert kind == "PermissionError"
    assert "transport=session.http_transport()" in text
    assert bytes_only == f"127.0.0.1:{server.port} private"


def test_a_request_that_asks_elsewhere_for_more_names_that_too(
    bench: MakeBench,
) -> None:
    how = {
        "method": "POST",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": b"_method=DELETE",
    }
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/v1/"
        at = bench(f"{url} methods=POST private")
        [(refused, text)] = ask(at, url, **how)
        [(_, other)] = ask(at, url, headers={"X-Forwarded-Host": "a.test"})
    by_body, by_host = at.denials()

    assert refused == 0
    assert f"hosts=('{url} private',) in the policy" == by_body.grant
    assert by_body.grant in text
    assert f"hosts=('127.0.0.1:{server.port}',) in the policy" == by_host.grant
    assert by_host.grant in other


def test_what_no_grant_would_allow_names_none(bench: MakeBench) -> None:
    """More at once than a worker ever may."""
    code = """
        import socket
        held, result = [], ""
        try:
            for _ in range(80):
                held.append(socket.create_connection(("127.0.0.1", port)))
        except OSError as error:
            result = str(error)
    """
    with serve(echo) as server:
        at = bench(f"127.0.0.1:{server.port} private requests=9999 burst=999")
        text = at.run(code, port=server.port)

    assert "64 connections at once" in text
    assert "To allow it" not in text
    assert at.denials()[-1].grant == ""


def _large(count: int) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {count}\r\n\r\n"
    return head.encode() + b"x" * count


def test_a_method_is_proposed_with_the_paths_of_the_grant_beside_it(
    bench: MakeBench,
) -> None:
    with http_server() as server:
        url = f"http://127.0.0.1:{server.port}/v1/"
        at = bench(f"{url} methods=GET private")
        [(refused, text)] = ask(at, url, method="POST")
        larger = wanted(at, text)
        [(status, _)] = ask(bench(larger), url, method="POST")

    assert (refused, status) == (0, 200)
    assert larger == f"{url} methods=GET,POST private"
