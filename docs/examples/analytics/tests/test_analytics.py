"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

import pytest
from lockgate_example_analytics import plugin as sink

from lockgate.testing import PluginUnderTest


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "_totals", {})


def test_events_are_counted(plugin: PluginUnderTest) -> None:
    plugin.answer("count_event", event="sale", amount=2.5)
    assert plugin.answer("count_event", event="sale") == {
        "event": "sale", "count": 2, "amount": 3.5,
    }  # fmt: skip
    plugin.answer("announce", topic="started", message={})

    everything = plugin.call("totals", tuple)
    assert [(one["event"], one["count"]) for one in everything] == [
        ("announced.started", 1),
        ("sale", 2),
    ]
    assert len(plugin.call("totals", tuple, prefix="sa")) == 1


@pytest.mark.lockgate(where=["in-process"])  # the bound is patched
def test_names_are_bounded(
    plugin: PluginUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "NAMES_LIMIT", 1)
    plugin.answer("count_event", event="a")
    with pytest.raises(Exception, match="more than 1 names"):
        plugin.answer("count_event", event="b")
