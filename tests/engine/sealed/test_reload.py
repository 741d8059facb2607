"""Reloading: a new worker takes over, and no call is lost."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from lockgate.errors import (
    HostClosedError,
    LockgateError,
    ReloadRefusedError,
    UnknownPluginError,
)
from lockgate.host import AsyncHost, Host, Lifecycle
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})

VERSION = """
import time
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    context.progress("in")
    time.sleep(options.get("seconds", 0))
    return Transformation(Tree.of({"version": "%s"}))
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def install(site: Site, version: str, source: str = "", *, more: str = "") -> None:
    """Put this version of the plugin in the place of the one before."""
    for old in site.folder.glob("test_versioned-*"):
        shutil.rmtree(old)
    tier = "elevated" if more else "read-only"
    manifest = manifest_of("versioned", tier=tier, more=more)
    body = source or VERSION % version
    site.add("versioned", body, version=version, manifest=manifest)


def version_of(host: Host, seconds: float = 0) -> str:
    """The version by its own word, which is the one that the host says too."""
    answers = host.call(
        "transform", plugin="versioned", tree=TREE, options={"seconds": seconds}
    )
    (answer,) = answers.items
    assert answer.value.tree["version"].text == answer.version
    return answer.version


def test_under_load_no_call_is_lost(site: Site) -> None:
    install(site, "1")
    seen: Counter[str] = Counter()
    failures: list[str] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                seen[version_of(host)] += 1
            except LockgateError as error:
                failures.append(str(error))

    with site.open() as host:
        version_of(host)  # from here on a worker that is asked has loaded its files
        threads = [threading.Thread(target=call) for _ in range(6)]
        for thread in threads:
            thread.start()
        for number in range(20):
            install(site, str(2 - number % 2))
            host.reload("versioned")
        over.set()
        for thread in threads:
            thread.join()
        workers = host.workers()

    assert failures == []
    assert set(seen) == {"1", "2"}
    assert set(workers) == {"versioned"}


def test_a_call_under_way_ends_with_the_old_one_and_later_ones_with_the_new(
    site: Site,
) -> None:
    install(site, "1")
    began = threading.Event()
    slow: list[str] = []

    with site.open(on_progress=lambda _: began.set()) as host:
        thread = threading.Thread(target=lambda: slow.append(version_of(host, 1.0)))
        thread.start()
        assert began.wait(30)
        install(site, "2")
        life = host.reload("versioned")
        after = version_of(host)
        still = list(slow)
        thread.join()

    assert (life.stage, life.version) == ("active", "2")
    assert "2 took over: worker" in life.reason
    assert (still, after, slow) == ([], "2", ["1"])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (VERSION % "2" + "raise RuntimeError('no way')", "no way"),
        (VERSION % "2" + "import os; os._exit(3)", "status 3"),
        ("from lockgate.plugin import hookimpl", "there is no function"),
    ],
    ids=["raises", "dies", "lacks"],
)
def test_a_version_that_does_not_load_leaves_the_old_one_in_place(
    site: Site, source: str, words: str
) -> None:
    install(site, "1")

    with site.open() as host:
        assert version_of(host) == "1"
        pid = host.workers()["versioned"]
        install(site, "2", source)
        with pytest.raises(ReloadRefusedError, match=words) as caught:
            host.reload("versioned")
        (life,) = host.lifecycles()
        assert version_of(host) == "1"
        assert host.workers()["versioned"] == pid

    assert caught.value.code == "reload-refused"
    assert (life.stage, life.version) == ("active", "1")
    assert "2 can't take over" in life.reason


def test_what_is_broken_by_its_manifest_is_not_even_started(site: Site) -> None:
    install(site, "1")

    with site.open() as host:
        assert version_of(host) == "1"
        (site.folder / "versioned_plugin" / "lockgate.toml").write_text("nonsense")
        with pytest.raises(ReloadRefusedError):
            host.reload("versioned")
        assert version_of(host) == "1"


def test_a_version_that_asks_for_more_stays_at_what_is_granted(site: Site) -> None:
    install(site, "1")

    with site.open() as host:
        assert version_of(host) == "1"
        install(site, "2", more='[rights]\nread = ["/etc/hostname"]\n')
        life = host.reload("versioned")
        answer = host.call("transform", tree=TREE).items[0]

    assert answer.version == "2"
    assert "asked for, not granted: tier:elevated, read:/etc/hostname" in life.reason


def test_an_explicit_reload_ends_a_quarantine_if_it_loads(site: Site) -> None:
    die = "import os\nfrom lockgate.plugin import hookimpl\n"
    die += "@hookimpl\ndef transform(tree): os._exit(1)\n"
    install(site, "1", die)

    with site.open() as host:
        for _ in range(5):
            with pytest.raises(LockgateError):
                version_of(host)
        assert host.lifecycles()[0].stage == "quarantined"
        host.reload("versioned")
        assert host.lifecycles()[0].stage == "active"
    with site.open() as host:
        assert host.plugins()[0].state == "ok"


def test_refresh_takes_in_what_came_went_and_changed(site: Site) -> None:
    install(site, "1")
    site.add("going", VERSION % "1")
    site.add("idle", VERSION % "1")
    heard: list[Lifecycle] = []

    with site.open(on_state=heard.append) as host:
        assert version_of(host) == "1"
        nothing = host.refresh()
        install(site, "2")
        site.add("coming", VERSION % "1")
        shutil.rmtree(site.folder / "test_going-1.0.dist-info")
        changes = host.refresh()
        assert version_of(host) == "2"
        asked = host.implementers("transform")
        lives = {life.plugin: life.stage for life in host.lifecycles()}

    assert (nothing.added, nothing.removed, nothing.reloaded) == ((), (), ())
    assert changes.added == ("coming",)
    assert changes.removed == ("going",)
    assert changes.reloaded == ("versioned",)
    assert changes.failed == {}
    assert sorted(asked) == ["coming", "idle", "versioned"]
    assert lives["going"] == "removed"
    assert ("going", "removed") in [(one.plugin, one.stage) for one in heard]


def test_refresh_keeps_what_runs_where_its_successor_does_not_load(site: Site) -> None:
    install(site, "1")

    with site.open() as host:
        assert version_of(host) == "1"
        install(site, "2", VERSION % "2" + "raise RuntimeError('no way')")
        changes = host.refresh()
        assert version_of(host) == "1"

    assert "no way" in changes.failed["versioned"].message
    assert changes.reloaded == ()


def test_names_and_a_closed_host(site: Site) -> None:
    install(site, "1")
    host = site.open()
    with pytest.raises(UnknownPluginError):
        host.reload("nobody")
    host.close()
    with pytest.raises(HostClosedError):
        host.reload("versioned")
    with pytest.raises(HostClosedError):
        host.refresh()


def test_the_asynchronous_host_reloads_while_the_loop_runs_on(site: Site) -> None:
    install(site, "1")

    async def scenario() -> tuple[str, str, int]:
        async with AsyncHost.open(site.config, search_path=[site.folder]) as host:
            await host.call("transform", tree=TREE)
            install(site, "2")
            reloading = asyncio.ensure_future(host.reload("versioned"))
            ticks = 0
            while not reloading.done():
                ticks += 1
                await asyncio.sleep(0.001)
            life = await reloading
            answers = await host.call("transform", tree=TREE)
            assert (await host.refresh()).reloaded == ()
            return life.version, answers.items[0].version, ticks

    version, answered, ticks = asyncio.run(scenario())
    assert (version, answered) == ("2", "2")
    assert ticks > 1


def test_a_crash_loop_is_not_felt_by_others(site: Site) -> None:
    """While one plugin dies and waits, others answer as fast as they work."""
    site.add("steady", VERSION % "1.0")
    die = "import os\nfrom lockgate.plugin import hookimpl\n"
    die += "@hookimpl\ndef transform(tree): os._exit(1)\n"
    site.add("crashing", die)
    failures: list[LockgateError] = []
    slowest: list[float] = []
    over = threading.Event()

    def steady() -> None:
        while not over.is_set():
            started = time.monotonic()
            try:
                host.call("transform", plugin="steady", tree=TREE)
            except LockgateError as error:
                failures.append(error)
            slowest.append(time.monotonic() - started)

    with site.open() as host:
        host.call("transform", plugin="steady", tree=TREE)
        thread = threading.Thread(target=steady)
        thread.start()
        began = time.monotonic()
        for _ in range(6):
            with pytest.raises(LockgateError):
                host.call("transform", plugin="crashing", tree=TREE)
        waited = time.monotonic() - began
        over.set()
        thread.join()

    assert waited > 0.35  # the backoff: 50 + 100 + 200 ms
    assert failures == []
    assert len(slowest) > 20
    # The longest wait of the crashing one (200 ms) holds nobody else up.
    assert sorted(slowest)[len(slowest) // 2] < 0.1
