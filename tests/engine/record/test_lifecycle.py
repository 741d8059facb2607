"""How far a plugin comes, since when and why; and who hears of it."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from lockgate._record.lifecycle import HISTORY_LIMIT, History, lifecycle_of, stages_of
from lockgate.host import Lifecycle
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
SAME = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    return Transformation(tree)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_plugin_comes_from_discovered_to_active_with_reasons_and_times(
    site: Site,
) -> None:
    site.add("same", SAME)
    heard: list[Lifecycle] = []

    with site.open(on_state=heard.append) as host:
        (before,) = host.lifecycles()
        host.call("transform", tree=TREE)
        (after,) = host.lifecycles()
        pid = host.workers()["same"]

    assert [c.stage for c in before.history] == ["discovered", "verified", "enabled"]
    assert (after.stage, after.version) == ("active", "1.0")
    assert after.reason == f"worker {pid} runs"
    assert all(UTC.fullmatch(change.at) for change in after.history)
    assert [life.stage for life in heard] == ["active"]
    assert after.to_dict()["stage"] == "active"
    with pytest.raises(FrozenInstanceError):
        after.plugin = "other"  # type: ignore[misc]


def test_what_is_not_granted_stands_in_the_reason(site: Site) -> None:
    more = '[rights]\nread = ["/etc/hostname"]\n'
    site.add("same", SAME, manifest=manifest_of("same", tier="elevated", more=more))

    with site.open() as host:
        host.call("transform", tree=TREE)
        (life,) = host.lifecycles()

    assert "not granted: tier:elevated, read:/etc/hostname" in life.reason


def test_a_stage_says_why_the_plugin_came_no_farther(site: Site) -> None:
    site.add("same", SAME)
    site.add("bad", SAME, manifest="schema = 1\n")
    config = replace(site.config, disabled=("same",))

    with site.open(config=config) as host:
        lives = {life.plugin: life for life in host.lifecycles()}
    with site.open(safe=True) as host:
        safe = {life.plugin: life for life in host.lifecycles()}

    assert lives["same"].stage == "disabled"
    assert lives["bad"].stage == "discovered"
    assert "hooks" in lives["bad"].reason or "name" in lives["bad"].reason
    assert (safe["same"].stage, safe["same"].reason[:9]) == ("disabled", "safe mode")


def test_a_command_that_runs_no_host_tells_the_same_stages(site: Site) -> None:
    site.add("same", SAME)
    state = site.state("same")

    life = lifecycle_of(state)

    assert [(c.stage, c.reason) for c in life.history] == [*stages_of(state)]
    assert life.at == life.history[0].at
    assert lifecycle_of(state, "later").at == "later"


def test_a_history_is_bounded_and_knows_no_change_that_is_none() -> None:
    heard: list[Lifecycle] = []
    history = History("p", "1", heard.append)
    for number in range(HISTORY_LIMIT * 2):
        history.reach("active", str(number))
        history.reach("active", str(number))

    assert len(history.now.history) == HISTORY_LIMIT
    assert len(heard) == HISTORY_LIMIT * 2
    assert history.now.reason == str(HISTORY_LIMIT * 2 - 1)
