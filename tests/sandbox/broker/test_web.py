"""HTTP through the broker: real workers, real httpx, real servers on loopback."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tests.sandbox.broker.asking import GET
from tests.sandbox.broker.conftest import MakeBench, always
from tests.support.sandbox import wait_until
from tests.support.servers import Request, http_server, reply

pytestmark = pytest.mark.kernel


def test_a_request_and_its_answer(bench: MakeBench) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        url = f"http://127.0.0.1:{server.port}/a?b=c"
        assert at.run(GET, url=url, follow=False) == [200, "ok", url]
        (seen,) = server.requests
    assert (seen.method, seen.target) == ("GET", "/a?b=c")
    assert seen.header("host") == f"127.0.0.1:{server.port}"
    # The end is written down by the request's own thread.
    assert wait_until(lambda: len(at.records) == 2)
    decisions = [(record.decision, record.right) for record in at.records]
    assert decisions == [("allow", "net"), ("end", "net")]
    assert at.records[0].resource == f"GET http://127.0.0.1:{server.port}/a"
    assert at.records[1].bytes == 2


def test_https_to_the_granted_name(bench: MakeBench) -> None:
    with http_server(names=("api.test",)) as server:
        at = bench(
            f"https://api.test:{server.port}/ private", resolve=always("127.0.0.1")
        )
        url = f"https://api.test:{server.port}/"
        assert at.run(GET, url=url, follow=False) == [200, "ok", url]


def test_a_certificate_of_another_name_is_not_believed(bench: MakeBench) -> None:
    with http_server(names=("other.test",)) as server:
        at = bench(
            f"https://api.test:{server.port}/ private", resolve=always("127.0.0.1")
        )
        kind, text, _ = at.run(
            GET, url=f"https://api.test:{server.port}/", follow=False
        )
        assert server.requests == []
    assert kind == "NetworkError"
    assert "certificate" in str(text)


def test_bodies_stream_both_ways(bench: MakeBench) -> None:
    size = 8 << 20
    with http_server(lambda request: reply(request.body)) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            import hashlib, httpx
            def body():
                for n in range(size >> 16):
                    yield bytes([n % 251]) * (1 << 16)
            client = httpx.Client(transport=session.http_transport())
            digest = hashlib.sha256()
            with client.stream("POST", url, content=body()) as answer:
                for chunk in answer.iter_bytes():
                    digest.update(chunk)
            result = [digest.hexdigest(), answer.request.headers["transfer-encoding"]]
        """
        url = f"http://127.0.0.1:{server.port}/"
        digest, framing = at.run(code, url=url, size=size)
        (seen,) = server.requests
    whole = b"".join(bytes([n % 251]) * (1 << 16) for n in range(size >> 16))
    assert seen.body == whole
    assert digest == hashlib.sha256(whole).hexdigest()
    assert framing == "chunked"


def test_the_same_transport_serves_asyncio(bench: MakeBench) -> None:
    together = threading.Barrier(8, timeout=30)

    def answer(request: Request) -> bytes:
        together.wait()  # side by side, not one after the other
        return reply(request.target.encode())

    with http_server(answer) as server:
        at = bench(f"http://127.0.0.1:{server.port}/ private")
        code = """
            import asyncio, httpx
            async def main():
                transport = session.http_transport()
                async with httpx.AsyncClient(transport=transport) as client:
                    answers = await asyncio.gather(
                        *(client.get(f"{url}{n}") for n in range(8)))
                    return [a.text for a in answers]
            result = asyncio.run(main())
        """
        texts = at.run(code, url=f"http://127.0.0.1:{server.port}/")
    assert texts == [f"/{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/v2/x", "below /v1"),
        ("http://127.0.0.1:{port}/v10", "below /v1"),
        ("http://127.0.0.1:1/v1", "no grant names this host"),
        ("http://localhost:{port}/v1", "no grant names this host"),
        ("https://127.0.0.1:{port}/v1", "the grant is for http"),
        ("http://[::ffff:127.0.0.1]:{port}/v1", "not accepted"),
        ("http://2130706433:{port}/v1", "not accepted"),
        ("http://0x7f.1:{port}/v1", "not accepted"),
        ("http://127.1:{port}/v1", "not accepted"),
    ],
)
def test_what_is_not_granted_is_refused_on_record(
    bench: MakeBench, url: str, why: str
) -> None:
    with http_server() as server:
        at = bench(f"http://127.0.0.1:{server.port}/v1 private")
        answer = at.run(GET, url=url.format(port=server.port), follow=False)
        assert server.requests == []
    kind, text, denied = answer
    assert (kind, denied) == ("TransportError", True)
    assert why in str(text)
    (record,) = at.denials()
    assert why in record.reason


def test_a_denial_names_the_grant_that_would_allow_it(bench: MakeBench) -> None:
    at = bench("other.test")
    _, text, _ = at.run(GET, url="http://api.test/v1", follow=False)
    assert "hosts=('http://api.test/ methods=GET',) in the policy" in str(text)
    assert (
        at.denials()[0].grant == "hosts=('http://api.test/ methods=GET',) in the policy"
    )
