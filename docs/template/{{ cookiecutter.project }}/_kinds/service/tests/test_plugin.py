"""Each test runs twice: in this process, and in a sealed worker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from lockgate.testing import PluginUnderTest


def states(plugin: PluginUnderTest) -> dict[str, str]:
    """The state of each date."""
    return {one["name"]: one["state"] for one in plugin.call("diagnose", tuple)}


def test_dates_are_sorted_by_what_they_ask_for(plugin: PluginUnderTest) -> None:
    today = datetime.fromtimestamp(time.time(), UTC).date()
    dates = {
        "far": today + timedelta(days=100),
        "near": today + timedelta(days=3),
        "past": today - timedelta(days=3),
    }
    plugin.configure(deadlines={name: str(day) for name, day in dates.items()})

    assert states(plugin) == {"far": "ok", "near": "warning", "past": "problem"}


@pytest.mark.lockgate(where=["in-process"])
def test_the_clock_decides(plugin: PluginUnderTest) -> None:
    plugin.configure(deadlines={"day": "2030-01-10"}, days=5)
    plugin.set_clock("2030-01-01T00:00:00+00:00")
    before = states(plugin)
    plugin.set_clock("2030-01-08T00:00:00+00:00")

    assert (before, states(plugin)) == ({"day": "ok"}, {"day": "warning"})


def test_what_is_no_date_is_told(plugin: PluginUnderTest) -> None:
    plugin.configure(deadlines={"day": "soon"})

    assert states(plugin) == {"day": "problem"}
