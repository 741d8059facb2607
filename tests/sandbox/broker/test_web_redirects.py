"""Redirects and injected credentials: each hop is judged like a request."""

from __future__ import annotations

import pytest

from tests.sandbox.broker.asking import GET
from tests.sandbox.broker.conftest import MakeBench, always
from tests.support.servers import Request, http_server, reply

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{other}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://0x7f000001:{other}/",
        "http://localhost:{other}/",
        "http://metadata.test/",
        "//127.0.0.1:{other}/",
    ],
)
def test_a_redirect_is_checked_like_any_request(
    bench: MakeBench, location: str
) -> None:
    with http_server() as other:
        target = location.format(other=other.port)
        moved = reply(b"", "302 Found", (f"Location: {target}",))
        with http_server(lambda _: moved) as server:
            at = bench(f"http://127.0.0.1:{server.port}/ private")
            url = f"http://127.0.0.1:{server.port}/"
            kind, _, denied = at.run(GET, url=url, follow=True)
        assert other.connections == 0
    assert (kind, denied) == ("TransportError", True)
    assert len(at.denials()) == 1


def test_a_downgrade_to_http_is_another_grant(bench: MakeBench) -> None:
    with http_server() as plain:

        def answer(_: Request) -> bytes:
            where = f"Location: http://api.test:{plain.port}/"
            return reply(b"", "302 Found", (where,))

        with http_server(answer, names=("api.test",)) as server:
            at = bench(
                f"https://api.test:{server.port},{plain.port}/ private",
                resolve=always("127.0.0.1"),
            )
            url = f"https://api.test:{server.port}/"
            kind, text, _ = at.run(GET, url=url, follow=True)
        assert plain.connections == 0
    assert kind == "TransportError"
    assert "the grant is for https" in str(text)


def test_a_granted_redirect_is_followed(bench: MakeBench) -> None:
    with http_server() as other:
        where = f"Location: http://127.0.0.1:{other.port}/there"
        with http_server(lambda _: reply(b"", "302 Found", (where,))) as server:
            at = bench(f"http://127.0.0.1:{server.port},{other.port}/ private")
            url = f"http://127.0.0.1:{server.port}/"
            answer = at.run(GET, url=url, follow=True)
    assert answer == [200, "ok", f"http://127.0.0.1:{other.port}/there"]


SECRET = "s3cr3t-value-of-the-owner"


def test_an_injected_credential_is_never_seen(bench: MakeBench) -> None:
    """Not in the worker, not in a record, not when the server echoes it."""

    def answer(request: Request) -> bytes:
        told = request.header("authorization") or ""
        return reply(told.encode(), headers=(f"X-Echo: {told}",))

    with http_server(answer) as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": SECRET},
        )
        code = """
            import httpx
            client = httpx.Client(transport=session.http_transport(),
                                  headers={"Authorization": "Bearer mine"})
            answer = client.get(url)
            result = [answer.text, answer.headers["x-echo"],
                      answer.request.headers["authorization"]]
            try:
                session.secret("TOKEN")
            except session.HostCallError as error:
                result.append(str(error))
        """
        text, header, sent, refused = at.run(
            code, url=f"http://127.0.0.1:{server.port}/"
        )
        assert server.requests[0].header("authorization") == f"Bearer {SECRET}"
        assert len([k for k, _ in server.requests[0].headers if k == "Authorization"])
    assert text == header == f"Bearer {'*' * len(SECRET)}"
    assert sent == "Bearer mine"
    assert "not granted" in str(refused)
    assert SECRET not in repr(at.records)


def test_a_credential_does_not_follow_a_redirect(bench: MakeBench) -> None:
    with http_server() as other:
        where = f"Location: http://localhost:{other.port}/?t={SECRET}"
        with http_server(lambda _: reply(b"", "302 Found", (where,))) as server:
            at = bench(
                f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
                f"http://localhost:{other.port}/ private",
                secrets={"TOKEN": SECRET},
                resolve=always("127.0.0.1"),
            )
            url = f"http://127.0.0.1:{server.port}/"
            assert at.run(GET, url=url, follow=True)[0] == 200
        (seen,) = other.requests
    assert seen.header("authorization") is None
    assert SECRET not in seen.target


def test_a_compressed_answer_can_not_hide_an_echo(bench: MakeBench) -> None:
    import gzip

    packed = gzip.compress(SECRET.encode())
    answer = reply(packed, headers=("Content-Encoding: gzip",))
    with http_server(lambda _: answer) as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": SECRET},
        )
        url = f"http://127.0.0.1:{server.port}/"
        kind, text, _ = at.run(GET, url=url, follow=False)
        assert server.requests[0].header("accept-encoding") == "identity"
    assert kind == "ProtocolError"
    assert "compressed" in str(text)


@pytest.mark.parametrize("value", ["two\r\nlines", "\0", "", " x", "snow ☃"])
def test_a_secret_that_no_header_may_hold_is_not_sent(
    bench: MakeBench, value: str
) -> None:
    with http_server() as server:
        at = bench(
            f"http://127.0.0.1:{server.port}/ bearer=TOKEN private",
            secrets={"TOKEN": value},
        )
        url = f"http://127.0.0.1:{server.port}/"
        _, text, denied = at.run(GET, url=url, follow=False)
        assert server.connections == 0
    assert denied
    assert len(value) < 3 or value not in str(text)
