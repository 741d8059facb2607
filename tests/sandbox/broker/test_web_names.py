"""Names of hosts: resolved once, on time, and to no private address."""

from __future__ import annotations

import textwrap
import threading
import time

import pytest

from lockgate_sandbox import WallLimitError
from tests.sandbox.broker.asking import GET
from tests.sandbox.broker.conftest import MakeBench, always
from tests.support.servers import http_server

pytestmark = pytest.mark.kernel


def test_a_name_is_resolved_once_whatever_it_says_later(bench: MakeBench) -> None:
    """DNS rebinding: a public answer first, then our own machine."""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]
    asked: list[str] = []

    def resolve(name: str) -> list[str]:
        asked.append(name)
        return answers[len(asked) - 1]

    with http_server() as server:
        at = bench(f"http://api.test:{server.port}/ private", resolve=resolve)
        url = f"http://api.test:{server.port}/"
        for _ in range(3):
            assert at.run(GET, url=url, follow=False)[0] == 200
        assert len(server.requests) == 3
    assert asked == ["api.test"]


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["10.1.2.3"],
        ["169.254.169.254"],
        ["0.0.0.0"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
    ],
)
def test_a_name_that_is_a_private_address_is_refused(
    bench: MakeBench, answer: list[str]
) -> None:
    with http_server() as server:
        at = bench(f"http://api.test:{server.port}/", resolve=always(*answer))
        url = f"http://api.test:{server.port}/"
        _, text, denied = at.run(GET, url=url, follow=False)
        assert server.connections == 0
    assert denied
    assert "api.test is" in str(text)
    assert "private" in at.denials()[0].grant


def test_a_name_server_that_is_slow_does_not_hold_up_the_calls_deadline(
    bench: MakeBench,
) -> None:
    """Whoever owns the name owns its server, which may answer when it likes."""
    asked, ended = threading.Event(), threading.Event()

    def resolve(_: str) -> list[str]:
        asked.set()
        ended.wait(30)
        return ["127.0.0.1"]

    at = bench("http://slow.test/ private", resolve=resolve)
    at.run("import httpx; session.http_transport()")  # which takes its time
    started = time.monotonic()
    with pytest.raises(WallLimitError):
        at.worker.call(
            textwrap.dedent(GET),
            {"url": "http://slow.test/", "follow": False},
            timeout=0.5,
        )
    ended.set()
    assert asked.is_set()
    assert time.monotonic() - started < 15
