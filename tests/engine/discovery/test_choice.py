"""Which plugins are used: rules, the run's own words, and autoload."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.config import load_config
from lockgate.discovery import PluginState, discover
from lockgate.discovery.choice import Choice, Rule
from lockgate.errors import UnknownPluginError, UsageError
from lockgate.host import Host
from tests.support.dists import SitePackages, manifest_text

OFF = Rule(
    "acme", disabled=True, reason="too slow", since="2026-01-02", source="f.toml"
)


def judged(choice: Choice, version: str = "1.0") -> PluginState:
    return choice.judge(PluginState("acme", version, "acme-dist"))


def test_a_rule_that_disables_says_where_when_and_why() -> None:
    rule = Rule(OFF.plugin, True, "", OFF.reason, OFF.since, OFF.source, "undo it")
    state = judged(Choice((rule,)))

    assert state.state == "disabled"
    assert state.reason == "switched off in f.toml at 2026-01-02: too slow"
    assert state.hint == "`undo it` takes that back."


def test_who_is_named_is_used_though_a_rule_is_against_it() -> None:
    assert judged(Choice((OFF,)).with_words(["acme"])).state == "ok"


def test_of_two_words_for_one_plugin_the_last_wins() -> None:
    assert judged(Choice().with_words(["acme", "no:acme"])).state == "disabled"
    assert judged(Choice().with_words(["no:acme", "acme"])).state == "ok"


@pytest.mark.parametrize("version", ["1.2", "1.2.0", "v1.2"])
def test_a_pinned_version_is_compared_as_versions_are(version: str) -> None:
    assert judged(Choice((Rule("acme", version="1.2"),)), version).state == "ok"


@pytest.mark.parametrize("version", ["1.2.1", "", "not a version"])
def test_another_version_than_the_pinned_one_is_not_used(version: str) -> None:
    state = judged(Choice((Rule("acme", version="1.2", source="f.toml"),)), version)

    assert state.state == "pinned"
    assert state.reason.startswith("pinned to 1.2 in f.toml, installed is ")
    assert "acme-dist==1.2" in state.hint


def test_being_named_does_not_lift_a_pin() -> None:
    choice = Choice((Rule("acme", version="2"),), named=frozenset({"acme"}))

    assert judged(choice).state == "pinned"


@pytest.mark.parametrize("word", ["", "no:", " acme", "no:no:acme"])
def test_a_word_that_names_no_plugin_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="names no plugin"):
        Choice().with_words([word])


@given(st.lists(st.sampled_from(["a", "no:a", "b", "no:b"])))
def test_any_words_name_each_plugin_once(words: list[str]) -> None:
    choice = Choice().with_words(words)

    assert not choice.named & choice.without
    assert choice.named | choice.without == {word.removeprefix("no:") for word in words}


def test_without_autoload_what_a_named_plugin_needs_has_to_be_named_too(
    tmp_path: Path,
) -> None:
    site = SitePackages(tmp_path / "site")
    site.wheel("b")
    extra = '[relations]\nrequires = ["b"]\n'
    site.wheel("a", manifest=manifest_text("a", extra=extra))

    def states(*words: str) -> dict[str, str]:
        choice = Choice(autoload=False).with_words(words)
        return {p.name: p.state for p in discover([site.path], choice=choice).plugins}

    assert states("a") == {"a": "missing-requirement", "b": "disabled"}
    assert states("a", "b") == {"a": "ok", "b": "ok"}


def test_a_host_is_opened_with_what_it_names(tmp_path: Path) -> None:
    site = SitePackages(tmp_path / "site")
    site.wheel("a")
    site.wheel("b")
    config = load_config(environ={"HOME": str(tmp_path)}, folder=str(tmp_path))

    def used(plugins: list[str], autoload: bool | None = None) -> set[str]:
        with Host.open(
            config, plugins=plugins, autoload=autoload, search_path=[site.path]
        ) as host:
            return {p.name for p in host.plugins() if p.usable}

    assert used([]) == {"a", "b"}
    assert used(["no:a"]) == {"b"}
    assert used(["a"], autoload=False) == {"a"}
    with pytest.raises(UnknownPluginError, match="nowhere"):
        used(["nowhere"])
