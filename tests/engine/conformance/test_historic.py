"""Historic hooks: who becomes active later hears what was before, in order."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate._call import past
from lockgate.errors import HistoryFullError, HookError
from tests.engine.conformance.places import IMPL, PLACES, Place, Plugins, opened
from tests.support.host_plugins import Site, manifest_of


def listening(module: str) -> list[str]:
    return [
        f'announce = "{module}:announce"',
        f'check_pipeline = "{module}:check_pipeline"',
    ]


PLUGINS: Plugins = {"a": listening, "b": listening}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with opened(request.param, tmp_path, PLUGINS) as made:
        yield made


def announce(place: Place, topic: str, **message: str) -> tuple[str, ...]:
    answers = place.call("announce", topic=topic, message=message)
    return tuple(answer.plugin for answer in answers)


def test_all_are_told_at_once_and_in_order(place: Place) -> None:
    assert announce(place, "one") == ("a", "b")
    assert place.lines == ["a hears one", "b hears one"]
    assert announce(place, "two", a="deaf") == ("b",)
    assert place.lines == ["a hears two", "b hears two"]


def test_a_listener_that_fails_keeps_the_others_from_nothing(place: Place) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        announce(place, "one", a="raise", b="raise")

    assert place.lines == ["a hears one", "b hears one"]
    found = caught.value.exceptions
    errors = [error for error in found if isinstance(error, HookError)]
    assert [(e.plugin, e.hook, e.version) for e in errors] == [
        ("a", "announce", "1.0"),
        ("b", "announce", "1.0"),
    ]


def test_a_call_for_one_plugin_is_not_kept(place: Place) -> None:
    place.call("announce", topic="one", message={}, plugin="a")
    place.call("check_pipeline", pipeline={})

    assert place.lines == []


def test_a_fresh_worker_hears_what_was_before_its_first_call(tmp_path: Path) -> None:
    with opened("workers", tmp_path, PLUGINS) as place:
        announce(place, "one")
        announce(place, "two")
        os.kill(place.host.workers()["a"], signal.SIGKILL)
        time.sleep(0.2)

        place.call("check_pipeline", pipeline={"a": "x"})
        assert place.lines == ["a hears one", "a hears two"]

        place.call("check_pipeline", pipeline={"a": "x"})
        assert place.lines == []
        announce(place, "three")
        assert place.lines == ["a hears three", "b hears three"]


def test_a_past_call_that_fails_does_not_stop_the_present_one(tmp_path: Path) -> None:
    with opened("workers", tmp_path, PLUGINS) as place:
        with pytest.raises(ExceptionGroup):
            announce(place, "one", a="raise")
        announce(place, "two")
        os.kill(place.host.workers()["a"], signal.SIGKILL)
        time.sleep(0.2)

        answers = place.call("check_pipeline", pipeline={"a": "x"})

        assert place.lines == ["a hears one", "a hears two"]
        assert answers.first == ("x",)


def test_the_history_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "HISTORY_LIMIT_CALLS", 2)
    announce(place, "one")
    announce(place, "two")

    with pytest.raises(HistoryFullError) as caught:
        announce(place, "three")

    assert place.lines == []  # nobody was asked
    assert caught.value.calls == 2
    assert place.call("check_pipeline", pipeline={"a": "x"}).first == ("x",)


def test_the_history_is_bounded_in_bytes_too(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past, "HISTORY_LIMIT_BYTES", 4000)
    announce(place, "one", text="x" * 1000)

    with pytest.raises(HistoryFullError):
        announce(place, "two", text="x" * 5000)


def test_a_plugin_that_is_installed_meanwhile_hears_it_too(tmp_path: Path) -> None:
    site = Site(tmp_path / "late")
    heard: list[str] = []
    with site.open(on_log=lambda line: heard.append(line.message)) as host:
        host.call("announce", topic="one", message={})
        host.call("announce", topic="two", message={})
        hooks = {"announce": "announce", "check_pipeline": "check_pipeline"}
        site.add(
            "late", IMPL, manifest=manifest_of("late", kinds="service", hooks=hooks)
        )
        host.refresh()
        assert heard == []  # it is active from its first call on

        answers = host.call("check_pipeline", pipeline={"late": "x"})

        assert answers.first == ("x",)
        assert heard == ["late hears one", "late hears two"]


def test_a_plugin_that_is_reloaded_hears_it_again(tmp_path: Path) -> None:
    site = Site(tmp_path / "again")
    hooks = {"announce": "announce", "check_pipeline": "check_pipeline"}
    site.add("again", IMPL, manifest=manifest_of("again", kinds="service", hooks=hooks))
    heard: list[str] = []
    with site.open(on_log=lambda line: heard.append(line.message)) as host:
        host.call("announce", topic="one", message={})
        host.reload("again")
        host.call("check_pipeline", pipeline={"again": "x"})

    assert heard == ["again hears one", "again hears one"]
