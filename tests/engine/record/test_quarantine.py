"""Quarantine outlives the host, and is about one version's very files."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._record.lifecycle import History
from lockgate._record.quarantine import Quarantine, QuarantineFolder, file_name
from lockgate._sealed.running import Running
from lockgate._start.supervision import DEATHS_MAXIMUM, Budget, Supervisor
from lockgate.cli.quarantine import tell_hosts
from lockgate.errors import PluginUnavailableError, WorkerCrashedError
from lockgate.host import AsyncHost, Host
from lockgate.values import Tree
from tests.support.host_plugins import Site

TREE = Tree.of({"a.txt": "text"})
DYING = """
import os
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    if options.get("die"):
        os._exit(7)
    return Transformation(tree)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("dying", DYING)
    return made


def die(host: Host, times: int = DEATHS_MAXIMUM) -> None:
    for _ in range(times):
        with pytest.raises(WorkerCrashedError):
            host.call("transform", plugin="dying", tree=TREE, options={"die": True})


def test_a_crash_loop_outlives_the_host_and_ends_with_other_files(site: Site) -> None:
    with site.open() as host:
        die(host)
        (first,) = host.lifecycles()
    with site.open() as host:
        (state,) = host.plugins()
        (life,) = host.lifecycles()
        with pytest.raises(PluginUnavailableError) as caught:
            host.call("transform", plugin="dying", tree=TREE)
    site.add("dying", DYING + "# mended\n")
    with site.open() as host:
        (mended,) = host.plugins()
        answer = host.call("transform", plugin="dying", tree=TREE)

    assert first.stage == "quarantined"
    assert (state.state, life.stage) == ("quarantined", "quarantined")
    assert "died 5 times" in state.reason
    assert caught.value.state == "quarantined"
    assert "lockgate quarantine clear dying" in caught.value.hint
    assert mended.state == "ok"
    assert answer.first.tree == TREE


def release(host: Host) -> None:
    host.release("dying")


def clear_elsewhere(host: Host) -> None:
    """As `lockgate quarantine clear` does, in another process."""
    QuarantineFolder(host.config.state_dir).clear("dying")


@pytest.mark.parametrize("clear", [release, clear_elsewhere])
def test_its_owner_lets_it_try_again(site: Site, clear: Callable[[Host], None]) -> None:
    with site.open() as host:
        die(host)
        clear(host)
        answer = host.call("transform", plugin="dying", tree=TREE)
        (life,) = host.lifecycles()

    assert answer.first.tree == TREE
    assert [c.stage for c in life.history[-3:]] == ["quarantined", "enabled", "active"]
    assert QuarantineFolder(site.config.state_dir).all() == ()


def test_running_hosts_are_told_when_a_quarantine_is_cleared(site: Site) -> None:
    with Host.open(site.config, search_path=[site.folder], control="always") as host:
        die(host)
        (before,) = host.lifecycles()

        released = tell_hosts("dying", site.config)

        (after,) = host.lifecycles()
    assert released == [os.getpid()]
    assert (before.stage, after.stage) == ("quarantined", "enabled")
    assert tell_hosts("dying", site.config) == []


def test_the_first_death_costs_nothing_and_the_next_ones_wait() -> None:
    now = [0.0]
    budget = Budget(lambda: now[0])
    waits: list[float] = []
    for _ in range(4):
        budget.died("x")
        waits.append(budget.wait_seconds())
    budget.answered()

    assert waits == [0.0, 0.05, 0.1, 0.2]
    assert budget.wait_seconds() == 0.0
    now[0] = 61.0
    budget.died("x")
    assert not budget.spent  # the window has moved on


def test_a_state_folder_that_cannot_be_written_still_quarantines(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").write_text("a file")
    folder = QuarantineFolder(str(tmp_path / "state"))
    history = History("p", "1", lambda _: None)
    supervisor = Supervisor(
        "p", "1", digest=lambda: "d", folder=folder, history=history
    )

    ends = [supervisor.died("x") for _ in range(DEATHS_MAXIMUM + 1)]

    assert ends == [False] * (DEATHS_MAXIMUM - 1) + [True, False]
    assert supervisor.look() == supervisor.quarantine != ""
    assert history.now.stage == "quarantined"


def test_records_are_whole_and_their_owners_alone(tmp_path: Path) -> None:
    folder = QuarantineFolder(str(tmp_path))
    record = Quarantine("../../evil\n", "1", "d", "r", "t")

    assert folder.put(record)
    (file,) = (tmp_path / "quarantine").iterdir()

    assert folder.read("../../evil\n") == record
    assert folder.all() == (record,)
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.clear("../../evil\n")
    assert not folder.clear("../../evil\n")


@given(st.lists(st.text(), unique=True))
def test_no_two_plugins_share_a_file_and_none_leaves_the_folder(
    names: list[str],
) -> None:
    files = [file_name(name) for name in names]

    assert len(set(files)) == len(names)
    assert not [f for f in files if "/" in f or "\0" in f or f.startswith(".")]


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_a_damaged_record_counts_as_none(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    root = tmp_path_factory.mktemp("state")
    (root / "quarantine").mkdir()
    (root / "quarantine" / "p.json").write_bytes(raw)
    folder = QuarantineFolder(str(root))

    assert folder.read("p") is None
    assert folder.all() == ()


SLOW = """
import time
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    time.sleep(options.get("seconds", 0))
    return Transformation(tree)
"""


async def _called_off(site: Site, times: int = DEATHS_MAXIMUM + 1) -> str:
    """A plugin's state after its callers went away so many times."""

    def state() -> str:
        return next(one.state for one in host.plugins() if one.name == "honest")

    async with AsyncHost.open(site.config, search_path=[site.folder]) as host:
        await host.call("transform", tree=Tree(), options={})
        for _ in range(times):
            if state() == "quarantined":
                break
            with suppress(TimeoutError, PluginUnavailableError):
                async with asyncio.timeout(0.4):
                    await host.call("transform", tree=Tree(), options={"seconds": 9})
        return state()


def test_callers_that_go_away_put_nobody_into_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hangs up cancels its request: anybody could take a plugin away."""
    site = Site(tmp_path)
    site.add("honest", SLOW)

    assert asyncio.run(_called_off(site)) == "ok"
    assert not QuarantineFolder(site.config.state_dir).any()

    def kill(running: Running) -> None:
        running.worker.kill()
        running.broker.interrupt()

    monkeypatch.setattr(Running, "kill", kill)  # and nobody knows who did it
    assert asyncio.run(_called_off(site, 4 * DEATHS_MAXIMUM)) == "quarantined"
