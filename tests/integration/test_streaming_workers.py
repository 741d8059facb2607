"""Streams across the boundary: back-pressure, leaving, cancelling, waiting in line."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import pytest

from lockgate.aio import AsyncHost
from lockgate.errors import HookError, WorkerCrashedError
from lockgate.host import Host
from tests.support.host_plugins import Site, manifest_of

SOURCE = """
import asyncio, os, time
from lockgate.plugin import hookimpl

@hookimpl(specname="watch_device")
def watch(options, context):
    made = 0
    try:
        while made < 100_000:
            made += 1
            if made == options.get("die at"):
                os._exit(3)
            if made == options.get("sleep at"):
                time.sleep(60)
            yield str(made).encode()
    finally:
        context.log("info", f"made {made}")

@hookimpl(specname="watch_device")
async def awatch(options, context):
    made = 0
    try:
        while made < 100_000:
            made += 1
            if made == options.get("sleep at"):
                await asyncio.sleep(60)
            yield str(made).encode()
    finally:
        context.log("info", f"made {made}")

@hookimpl
def read_device(handle, size, timeout):
    return b"read"
"""

FORMS = ("watch", "awatch")


class Watched:
    """A plugin for each form, and what they log."""

    def __init__(self, site: Site) -> None:
        for form in FORMS:
            hooks = {"watch_device": form, "read_device": "read_device"}
            manifest = manifest_of(form, kinds="hardware", hooks=hooks)
            site.add(form, SOURCE, manifest=manifest)
        self.lines: list[str] = []
        self.host = site.open(on_log=lambda line: self.lines.append(line.message))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    made = Watched(Site(tmp_path_factory.mktemp("streams")))
    with made.host:
        for form in FORMS:  # the worker is there, its module imported
            next(stream(made.host, form))
        yield made


def stream(host: Host, plugin: str, **options: Any) -> Any:
    return host.stream("watch_device", device="d", options=options, plugin=plugin)


@pytest.mark.parametrize("form", FORMS)
def test_a_plugin_is_never_far_ahead_of_its_reader(watched: Watched, form: str) -> None:
    watched.lines.clear()
    with stream(watched.host, form) as items:
        taken = [next(items).value for _ in range(3)]
        time.sleep(0.3)

    assert taken == [b"1", b"2", b"3"]
    made = int(watched.lines[0].removeprefix("made "))
    assert 3 <= made <= 3 + 32


@pytest.mark.parametrize("form", FORMS)
def test_a_reader_that_is_thrown_away_leaves_the_plugin_free(
    watched: Watched, form: str
) -> None:
    pid = watched.host.workers()[form]
    items = stream(watched.host, form)
    next(items)
    del items

    handle = {"device": "d", "handle": 1}
    answers = watched.host.call(
        "read_device", handle=handle, size=1, timeout=1.0, plugin=form
    )

    assert answers.first == b"read"
    assert watched.host.workers()[form] == pid


def test_many_items_come_whole_and_in_order(watched: Watched) -> None:
    with stream(watched.host, "watch") as items:
        values = [int(next(items).value) for _ in range(5000)]

    assert values == list(range(1, 5001))


def test_a_death_in_the_midst_is_blamed(watched: Watched) -> None:
    items = stream(watched.host, "watch", **{"die at": 5})

    with pytest.raises(WorkerCrashedError) as caught:
        list(items)

    assert caught.value.plugin == "watch"
    next(stream(watched.host, "watch"))


def test_who_asks_the_plugin_that_it_is_reading_is_told_at_once(
    watched: Watched,
) -> None:
    with stream(watched.host, "watch") as items:
        next(items)
        with pytest.raises(HookError, match="stream that this thread reads") as caught:
            next(stream(watched.host, "watch"))
        assert caught.value.cause == "stream-open"
        assert next(items).value == b"2"


def test_another_thread_waits_in_line(watched: Watched) -> None:
    found: list[bytes] = []

    def ask() -> None:
        found.append(next(stream(watched.host, "watch")).value)

    with stream(watched.host, "watch") as items:
        next(items)
        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.2)
        assert found == []
    thread.join(20)

    assert found == [b"1"]


@pytest.mark.parametrize(("form", "kept"), [("awatch", True), ("watch", False)])
def test_a_task_that_is_cancelled_ends_its_stream(
    watched: Watched, form: str, kept: bool
) -> None:
    """A coroutine ends where it waits; what sleeps in one piece is killed."""
    watched.lines.clear()
    next(stream(watched.host, form))
    pid = watched.host.workers()[form]

    async def scenario() -> None:
        host = AsyncHost(watched.host)
        items = host.stream(
            "watch_device", device="d", options={"sleep at": 3}, plugin=form
        )

        async def read() -> None:
            async for item in items:
                watched.lines.append(item.value.decode())

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.5)

    started = time.monotonic()
    asyncio.run(scenario())

    assert time.monotonic() - started < 10
    assert {"1", "2"} <= set(watched.lines)
    assert ("made 3" in watched.lines) is kept
    assert next(stream(watched.host, form)).value == b"1"
    assert (watched.host.workers()[form] == pid) is kept


def test_streams_of_several_plugins_run_side_by_side(watched: Watched) -> None:
    async def read(host: AsyncHost, form: str) -> list[int]:
        items = host.stream("watch_device", device="d", plugin=form)
        found: list[int] = []
        async with aclosing(aiter(items)) as each:
            async for item in each:
                found.append(int(item.value))
                if len(found) == 50:
                    break
        return found

    async def scenario() -> list[list[int]]:
        host = AsyncHost(watched.host)
        return await asyncio.gather(*(read(host, form) for form in FORMS))

    assert asyncio.run(scenario()) == [list(range(1, 51))] * 2
