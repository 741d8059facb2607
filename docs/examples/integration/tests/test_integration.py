"""The webhook against a server that the test is, and without its grant."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
import pytest

from lockgate.testing import PluginUnderTest


@pytest.mark.lockgate(where=["in-process"])
def test_an_event_is_posted_until_the_server_takes_it(plugin: PluginUnderTest) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503 if len(seen) < 2 else 204)

    plugin.use_transport(httpx.MockTransport(answer))
    told = plugin.call("deliver_event", Mapping, event="built", payload={"n": 1})

    assert told == {"status": 204, "attempts": 2, "delivered": True}
    assert json.loads(seen[0].content) == {"event": "built", "payload": {"n": 1}}
    assert len({request.headers["idempotency-key"] for request in seen}) == 1


def test_without_a_grant_nothing_is_sent(plugin: PluginUnderTest) -> None:
    with pytest.raises(Exception, match="net:"):
        plugin.answer("deliver_event", event="built", payload={})
