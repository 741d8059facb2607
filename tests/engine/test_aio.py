"""The asynchronous twin: the same answers and errors, awaited."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lockgate.aio import AsyncHost
from lockgate.errors import ArgumentError, HostClosedError, InputRefusedError
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})

PLUGIN = """
import time
from lockgate.plugin import Reason, RefusedError, Transformation, hookimpl

@hookimpl
def transform(tree, options):
    if options.get("refuse"):
        raise RefusedError([Reason("no", "tree", "not this one")])
    time.sleep(options.get("seconds", 0))
    return Transformation(tree)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    for name in ("one", "two"):
        made.add(name, PLUGIN, manifest=manifest_of(name))
    return made


def open_host(site: Site) -> AsyncHost:
    return AsyncHost.open(site.config, search_path=[site.folder])


def test_answers_are_awaited(site: Site) -> None:
    async def scenario() -> list[str]:
        async with open_host(site) as host:
            assert {state.name for state in host.plugins()} == {"one", "two"}
            answers = await host.call("transform", tree=TREE)
            return [answer.plugin for answer in answers]

    assert asyncio.run(scenario()) == ["one", "two"]


def test_errors_are_the_same(site: Site) -> None:
    async def refuse() -> None:
        async with open_host(site) as host:
            await host.call("transform", tree=TREE, options={"refuse": True})

    async def misuse() -> None:
        async with open_host(site) as host:
            await host.call("transform", tree=7)

    with pytest.raises(InputRefusedError, match="not this one"):
        asyncio.run(refuse())
    with pytest.raises(ArgumentError, match="expected an object of type Tree"):
        asyncio.run(misuse())


def test_the_loop_runs_on_while_a_plugin_works(site: Site) -> None:
    async def scenario() -> int:
        ticks = 0
        async with open_host(site) as host:
            call = asyncio.ensure_future(
                host.call(
                    "transform", plugin="one", tree=TREE, options={"seconds": 0.5}
                )
            )
            while not call.done():
                ticks += 1
                await asyncio.sleep(0.01)
            await call
        return ticks

    assert asyncio.run(scenario()) > 5


def test_a_timeout_of_asyncio_ends_the_call_for_real(site: Site) -> None:
    async def scenario() -> float:
        async with open_host(site) as host:
            await host.call("transform", plugin="one", tree=TREE)
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await host.call(
                        "transform", plugin="one", tree=TREE, options={"seconds": 60}
                    )
            await host.call("transform", plugin="one", tree=TREE)
            return time.monotonic() - started

    assert asyncio.run(scenario()) < 30


def test_a_closed_host_says_so(site: Site) -> None:
    async def scenario() -> None:
        host = open_host(site)
        await host.close()
        with pytest.raises(HostClosedError):
            await host.call("transform", tree=TREE)

    asyncio.run(scenario())
