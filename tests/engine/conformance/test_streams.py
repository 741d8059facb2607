"""Streams and coroutines: the same outcome wherever the plugins run, in any form."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lockgate.errors import HookError, HookTimeoutError, UsageError
from tests.engine.conformance.places import PLACES, Place, Plugins, opened


def watching(form: str, **more: str) -> Callable[[str], list[str]]:
    def hooks(module: str) -> list[str]:
        targets = {"watch_device": form, **more}
        return [f'{hook} = "{module}:{name}"' for hook, name in targets.items()]

    return hooks


PLUGINS: Plugins = {
    "a-list": watching("listed", complete_stream="said"),
    "b-awaited": watching("awaited", check_pipeline="acheck"),
    "c-generated": watching("generated", complete_stream="said"),
    "d-async": watching("agenerated", complete_stream="asaid", check_pipeline="acheck"),
}


@pytest.fixture(scope="module", params=PLACES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with opened(request.param, tmp_path_factory.mktemp("place"), PLUGINS) as made:
        yield made


@dataclass
class Case:
    """What each plugin gives, and what comes of it."""

    doing: dict[str, Any]
    items: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    failed: list[str] = field(default_factory=list[str])
    error: tuple[str, str] | None = None


WATCHED = {
    "all forms, one after the other": Case(
        {
            "a-list": ["1"], "b-awaited": ["2", "3"],
            "c-generated": ["4"], "d-async": ["5"],
        },
        [
            ("a-list", b"1"), ("b-awaited", b"2"), ("b-awaited", b"3"),
            ("c-generated", b"4"), ("d-async", b"5"),
        ],
    ),
    "nothing at all": Case({}),
    "a failure in the midst is skipped, what was given stays": Case(
        {"c-generated": ["1", "raise"], "d-async": ["2", "raise", "3"]},
        [("c-generated", b"1"), ("d-async", b"2")],
        failed=["c-generated", "d-async"],
    ),
    "a failure at the start is too": Case(
        {"a-list": ["raise"], "b-awaited": ["refuse"], "c-generated": ["1"]},
        [("c-generated", b"1")],
        failed=["a-list", "b-awaited"],
    ),
    "an item of the wrong type is a failure": Case(
        {"a-list": ["1", "wrong"], "b-awaited": ["2", "wrong"], "d-async": ["wrong"]},
        [("a-list", b"1"), ("b-awaited", b"2")],
        failed=["a-list", "b-awaited", "d-async"],
    ),
    "an exit is a failure": Case(
        {"c-generated": ["1", "exit"]}, [("c-generated", b"1")], failed=["c-generated"]
    ),
}  # fmt: skip

COMPLETED = {
    "the first that gives an item is the only one": Case(
        {"c-generated": ["x", "y"], "d-async": ["z"]},
        [("c-generated", "x"), ("c-generated", "y")],
    ),
    "no item is no answer": Case(
        {"a-list": [], "d-async": ["z"]}, [("d-async", "z")]
    ),
    "a failure ends it after what was given": Case(
        {"c-generated": ["x", "raise"], "d-async": ["z"]},
        [("c-generated", "x")],
        error=("hook-failed", "c-generated"),
    ),
    "a failure of a coroutine likewise": Case(
        {"d-async": ["x", "raise"]},
        [("d-async", "x")],
        error=("hook-failed", "d-async"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WATCHED)
def test_watch(place: Place, name: str) -> None:
    case = WATCHED[name]

    read = place.read("watch_device", device="d", options=case.doing)

    assert read.items == case.items
    assert read.failed == case.failed
    assert read.error is None
    assert read.asked == tuple(PLUGINS)


@pytest.mark.parametrize("name", COMPLETED)
def test_complete(place: Place, name: str) -> None:
    case = COMPLETED[name]

    read = place.read("complete_stream", task={"kind": "k", "documents": case.doing})

    assert read.items == case.items
    if case.error is None:
        assert read.error is None
    else:
        assert isinstance(read.error, HookError)
        assert (read.error.code, read.error.plugin) == case.error


@pytest.mark.parametrize("name", ["c-generated", "d-async"])
def test_a_stream_that_is_left_ends_its_generator(place: Place, name: str) -> None:
    endless = {name: {"endless": "x"}}

    read = place.read("watch_device", device="d", options=endless, most=3)
    before = place.host.workers().get(name)

    assert read.items == [(name, b"x")] * 3
    assert place.lines[-1] == f"{name} ends"
    again = place.read("watch_device", device="d", options={name: ["1"]})
    assert again.items == [(name, b"1")]
    assert place.host.workers().get(name) == before  # it was asked, not killed


def test_a_stream_that_takes_too_long_is_over(place: Place) -> None:
    doing = {"d-async": ["1", 60.0]}
    place.read("watch_device", device="d", options={"d-async": ["1"]}, plugin="d-async")

    started = time.monotonic()
    read = place.read(
        "watch_device", device="d", options=doing, plugin="d-async", timeout=0.4
    )

    assert read.items == [("d-async", b"1")]
    assert isinstance(read.error, HookTimeoutError)
    assert read.error.plugin == "d-async"
    assert time.monotonic() - started < 5
    assert place.lines == ["d-async ends"]


def test_coroutines_answer_plain_hooks(place: Place) -> None:
    answers = place.call("check_pipeline", pipeline={"d-async": "x"})

    assert [(a.plugin, a.value) for a in answers] == [("d-async", ("x",))]
    with pytest.raises(HookError, match="boom") as caught:
        place.call("check_pipeline", pipeline={"b-awaited": "raise"})
    assert caught.value.plugin == "b-awaited"


def test_a_coroutine_that_takes_too_long_is_over(place: Place) -> None:
    place.call("check_pipeline", pipeline={"d-async": "x"}, plugin="d-async")

    with pytest.raises(HookTimeoutError):
        place.call(
            "check_pipeline", pipeline={"d-async": 60.0}, plugin="d-async", timeout=0.3
        )


def test_a_plain_hook_can_be_read_as_a_stream(place: Place) -> None:
    read = place.read("check_pipeline", pipeline={"b-awaited": "x", "d-async": "y"})

    assert read.items == [("b-awaited", ("x",))]


def test_a_streaming_hook_is_not_called(place: Place) -> None:
    with pytest.raises(UsageError, match="stream of items") as caught:
        place.call("watch_device", device="d")

    assert "Host.stream" in caught.value.hint
