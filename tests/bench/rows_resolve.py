"""What it costs to resolve again what was resolved before."""

from __future__ import annotations

import http.client
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from lockgate_marketplace.fetch import Credentials, Fetcher
from lockgate_marketplace.memory import LocalMemory
from lockgate_marketplace.resolve import IndexClient, Policy, Want, resolve
from lockgate_marketplace.sources import Index, Sources
from tests.bench.harness import Row, paired
from tests.support.indexes import LoopbackIndex, loopback_index

__all__ = ["ROWS"]

_PLUGINS = 50


def _warm(name: str) -> Row:
    """50 plugins with a warm cache: each page revalidated once, and nothing else.

    The peer asks for the same pages, by the same conditional requests, and does
    nothing with the answers.
    """
    with ExitStack() as stack:
        index = stack.enter_context(loopback_index())
        index.add("base")
        for number in range(_PLUGINS):
            index.add(f"plugin{number}", requires=["base"])
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fetcher = Fetcher(folder / "cache", credentials=Credentials({}, {}))
        stack.callback(fetcher.close)
        sources = Sources({"main": Index("main", index.url)}, cooldown=timedelta())
        memory = LocalMemory(folder / "seen")
        wants = [Want.parse(f"plugin{number}") for number in range(_PLUGINS)]

        def ours() -> float:
            before = len(index.requests)
            began = time.perf_counter()
            client = IndexClient(sources, fetcher, memory)
            found = resolve(wants, client, Policy.running())
            took = time.perf_counter() - began
            _check(index, before, len(found.pinned))
            return took

        resolve(wants, IndexClient(sources, fetcher, memory), Policy.running())
        tags = _tags(index)

        def peer() -> float:
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", index.server.port)
            for path, tag in tags.items():
                connection.request("GET", path, headers={"If-None-Match": tag})
                connection.getresponse().read()
            connection.close()
            return time.perf_counter() - began

        return paired(
            name,
            ours,
            peer,
            peer_name="the same 51 requests alone",
            target=20.0,
            rounds=7,
        )


def _tags(index: LoopbackIndex) -> dict[str, str]:
    """Each page with its ETag."""
    found: dict[str, str] = {}
    connection = http.client.HTTPConnection("127.0.0.1", index.server.port)
    for project in index.projects:
        path = f"/simple/{project}/"
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        found[path] = answer.headers["ETag"]
    connection.close()
    return found


def _check(index: LoopbackIndex, before: int, pinned: int) -> None:
    asked = index.requests[before:]
    if pinned != _PLUGINS + 1 or len(asked) != _PLUGINS + 1:
        raise RuntimeError(f"{len(asked)} requests for {pinned} projects")
    if not all(request.header("if-none-match") for request in asked):
        raise RuntimeError("a request was more than a revalidation")


ROWS = {"marketplace-resolve-warm": _warm}
