"""What becomes of a call when a plugin is down: the owner's word, for each plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lockgate.errors import LockgateError, PluginUnavailableError, WorkerCrashedError
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

TREE = Tree.of({"a.txt": "text"})
GOOD = """
from lockgate.plugin import AnalysisReport, hookimpl

@hookimpl
def analyze(tree):
    return AnalysisReport(())

@hookimpl
def generator_targets():
    return ("one",)
"""
DYING = """
import os
from lockgate.plugin import hookimpl

@hookimpl
def analyze(tree):
    os._exit(1)

@hookimpl
def generator_targets():
    os._exit(1)
"""


def manifest(name: str, more: str = "") -> str:
    hooks = {"analyze": "analyze", "generator_targets": "generator_targets"}
    kinds = 'analyzer", "generator'
    return manifest_of(name, kinds=kinds, hooks=hooks, more=more)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.add("good", GOOD, manifest=manifest("good"))
    made.add("gate", DYING, manifest=manifest("gate"))
    return made


def quarantined(site: Site, when_down: Mapping[str, Any]) -> Host:
    """A host in which the gate has died too often."""
    host = site.open(config=replace(site.config, when_down=when_down))
    for _ in range(5):
        with pytest.raises(LockgateError):
            host.call("analyze", plugin="gate", tree=TREE)
    return host


def test_without_a_word_the_hooks_policy_decides(site: Site) -> None:
    with quarantined(site, {}) as host:
        with pytest.raises(PluginUnavailableError):
            host.call("analyze", tree=TREE)  # its policy is to fail
        answers = host.call("generator_targets")  # and its to skip

    assert [failure.plugin for failure in answers.failed] == ["gate"]


def test_fail_ends_the_call_whatever_the_policy(site: Site) -> None:
    with (
        quarantined(site, {"gate": "fail"}) as host,
        pytest.raises(PluginUnavailableError) as caught,
    ):
        host.call("generator_targets")

    assert caught.value.state == "quarantined"


def test_skip_goes_on_and_says_so(site: Site) -> None:
    with quarantined(site, {"gate": "skip"}) as host:
        answers = host.call("analyze", tree=TREE)

    assert [answer.plugin for answer in answers] == ["good"]
    assert [failure.plugin for failure in answers.failed] == ["gate"]


def test_open_goes_on_as_if_it_were_not_there(site: Site) -> None:
    with quarantined(site, {"gate": "open"}) as host:
        answers = host.call("analyze", tree=TREE)
        with pytest.raises(PluginUnavailableError):  # whom a call names must answer
            host.call("analyze", plugin="gate", tree=TREE)

    assert [answer.plugin for answer in answers] == ["good"]
    assert answers.failed == ()


def test_an_answer_that_fails_is_not_a_plugin_that_is_down(site: Site) -> None:
    config = replace(site.config, when_down={"gate": "open"})

    with site.open(config=config) as host, pytest.raises(WorkerCrashedError):
        host.call("analyze", tree=TREE)


def test_a_plugin_to_fail_for_that_cannot_be_used_is_not_left_out(site: Site) -> None:
    """Not even where it was never startable: its requirement is missing."""
    more = '[relations]\nrequires = ["nobody"]\n'
    site.add("gate", GOOD, manifest=manifest("gate", more))

    with site.open() as host:
        assert host.plugins()[0].state == "missing-requirement"
        assert host.call("analyze", tree=TREE).asked == ("good",)
    config = replace(site.config, when_down={"gate": "fail"})
    with site.open(config=config) as host:
        with pytest.raises(PluginUnavailableError) as caught:
            host.call("generator_targets")
        assert "gate" in host.implementers("analyze")

    assert caught.value.plugin == "gate"
    assert caught.value.state == "missing-requirement"
