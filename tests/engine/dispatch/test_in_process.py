"""Calls that stay in this process: the quick way and the whole way are one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._call.answers import (
    Answer,
    Answers,
    HookFailure,
    make_answer,
    make_answers,
)
from lockgate._dispatch import in_process
from lockgate._record.trace import current
from lockgate.errors import ArgumentError, HookError, HostClosedError, LockgateError
from lockgate.host import Host
from lockgate.values import Document, Task, Tree
from tests.support.host_plugins import Site, manifest_of, trusted_in_host

ACTING = """
import asyncio
from lockgate.plugin import (
    Completion, Reason, RefusedError, Transformation, Tree, hookimpl
)

def act(name, wishes, good):
    wish = wishes.get(name, "none")
    if wish == "good":
        return good
    if wish == "raise":
        raise KeyError(name)
    if wish == "refuse":
        raise RefusedError([Reason("here", "no", "why")])
    if wish == "time":
        raise TimeoutError("of its own")
    if wish == "exit":
        raise SystemExit(3)
    if wish == "stop":
        raise KeyboardInterrupt
    if wish == "wrong":
        return {{1: 2}}
    if wish == "spoil":
        wishes.clear()
        return good
    if wish == "later":
        async def later():
            await asyncio.sleep(0)
            return good
        return later()
    return None

@hookimpl
def check_pipeline(pipeline):
    return act("{name}", pipeline, ("{name}",))

@hookimpl
def can_handle(task):
    return act("{name}", task.documents, 0.5)

@hookimpl
def complete(task, model):
    return act("{name}", task.documents, Completion("{name}", "m"))

@hookimpl
def transform(tree, options):
    return act("{name}", options, Transformation(Tree.of({{"{name}": "x"}})))

@hookimpl
def run_pipeline(pipeline, context):
    context.config["spoilt"] = True
    return {{"config": dict(context.config)}}
"""

NAMES = ("one", "three", "two")

HOOKS = ("check_pipeline", "can_handle", "transform", "complete", "run_pipeline")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Three plugins in this process."""
    site = Site(tmp_path_factory.mktemp("in-process"))
    for name in NAMES:
        manifest = manifest_of(
            name,
            kinds='service", "ai", "transformer',
            tier="system",
            hooks={hook: hook for hook in HOOKS},
        )
        site.add(name, ACTING.format(name=name), manifest=manifest)
    with trusted_in_host(site.folder, NAMES), site.open() as host:
        yield host


def arguments(hook: str, wishes: dict[str, str]) -> dict[str, Any]:
    if hook == "check_pipeline":
        return {"pipeline": wishes}
    if hook == "can_handle":
        return {"task": Task("kind", documents=wishes)}
    if hook == "complete":
        return {"task": Task("kind", documents=wishes), "model": "m"}
    return {"tree": Tree.of({"a": "b"}), "options": wishes}


def quick_hooks(host: Any) -> set[str]:
    return set(host._roster.dispatcher.quick)


def outcome(host: Host, hook: str, wishes: dict[str, str], **how: Any) -> Any:
    """All that a caller can tell of a call, but for how long it took."""
    try:
        answers = host.call(hook, **arguments(hook, wishes), **how)
    except LockgateError as error:
        said = error.to_dict()
        del said["trace"]
        said.pop("traceback", None)  # it names the place, which differs
        return type(error), said, type(error.__cause__)
    rows = [{**asdict(answer), "seconds": 0} for answer in answers.items]
    failed = [
        (one.plugin, type(one.error), one.error.message) for one in answers.failed
    ]
    return answers.hook, rows, failed, answers.asked


WISHES = ("none", "good", "raise", "refuse", "time", "exit", "wrong", "spoil", "later")


@settings(max_examples=120)
@given(
    st.sampled_from(HOOKS[:4]),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WISHES)),
)
def test_both_ways_have_the_same_outcome(
    host: Host, hook: str, wishes: dict[str, str]
) -> None:
    host.call(hook, **arguments(hook, {}))  # from the second call on it is quick
    assert hook in quick_hooks(host)

    quick = outcome(host, hook, dict(wishes))
    before = dict(wishes)
    whole = outcome(host, hook, wishes, timeout=60)

    assert quick == whole
    assert wishes == before  # nobody spoils what is the caller's


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"pipeline": None},
        {"pipeline": 3},
        {"pipelin": {}},
        {"pipeline": {}, "x": 1},
    ],
)
def test_wrong_arguments_are_the_same_error(host: Host, wrong: dict[str, Any]) -> None:
    host.call("check_pipeline", pipeline={})
    told: list[str] = []
    called: Any = host.call
    for how in ({}, {"timeout": 60}):
        with pytest.raises(ArgumentError) as caught:
            called("check_pipeline", **wrong, **how)
        told.append(f"{caught.value} {caught.value.hint}")

    assert told[0] == told[1]


def test_a_quick_call_is_counted_remembered_and_of_one_trace(host: Host) -> None:
    host.call("can_handle", task=Task("k"))
    last = max(call.number for call in host.calls())
    before = host.meters()["one"].hooks["can_handle"].calls

    host.call("can_handle", task=Task("k", documents={"one": "good", "two": "raise"}))

    calls = host.calls(after=last)
    assert [(c.plugin, c.outcome) for c in calls] == [
        ("one", "answered"),
        ("three", "none"),
        ("two", "hook-failed"),
    ]
    assert len({call.span.trace for call in calls}) == 1
    assert len({call.span.number for call in calls}) == 3
    assert host.meters()["one"].hooks["can_handle"].calls == before + 1


def test_an_interrupt_passes_and_leaves_nothing_behind(host: Host) -> None:
    host.call("check_pipeline", pipeline={})
    last = max(call.number for call in host.calls())

    with pytest.raises(KeyboardInterrupt):
        host.call("check_pipeline", pipeline={"three": "stop"})

    assert current.get() is None
    calls = host.calls(after=last)
    assert [(c.plugin, c.outcome) for c in calls] == [
        ("one", "none"),
        ("three", "interrupted"),
    ]


def test_of_a_hook_with_one_answer_nobody_is_asked_in_vain(host: Host) -> None:
    host.call("complete", task=Task("k"), model="m")
    assert "complete" in quick_hooks(host)

    wishes: Document = {"three": "good", "two": "raise"}
    answers = host.call("complete", task=Task("k", documents=wishes), model="m")

    assert answers.asked == ("one", "three")
    assert [answer.plugin for answer in answers] == ["three"]


def test_what_wants_a_context_goes_the_whole_way_with_settings_of_its_own(
    host: Host,
) -> None:
    for _ in range(2):
        answer = host.call("run_pipeline", pipeline={})
        assert answer.first == {"config": {"spoilt": True}}
    assert "run_pipeline" not in quick_hooks(host)


def test_a_plugin_in_the_host_becomes_active(host: Host) -> None:
    host.call("check_pipeline", pipeline={})

    lives = {life.plugin: life for life in host.lifecycles()}
    assert lives["one"].stage == "active"
    assert lives["one"].reason == "it was imported into the host"


def test_a_closed_host_answers_nothing_quickly(host: Host) -> None:
    host.call("check_pipeline", pipeline={})
    inside: Any = host
    inside._closed = True
    try:
        with pytest.raises(HostClosedError):
            host.call("check_pipeline", pipeline={})
    finally:
        inside._closed = False


def test_an_answer_made_the_fast_way_is_an_answer() -> None:
    posture: Document = {"layers": []}
    made = make_answer(1, "p", "v", "basic", 0.5, posture)
    failure = HookFailure("p", "v", HookError("x", plugin="p", hook="h"))
    whole = make_answers("h", (made,), (failure,), ("p",))

    assert type(made) is Answer
    assert made == Answer(1, "p", "v", "basic", 0.5, posture)
    assert whole == Answers("h", (made,), (failure,), ("p",))
    with pytest.raises(FrozenInstanceError):
        made.value = 2  # type: ignore[misc]


def source_with(argument: str) -> str:
    inside: Any = in_process
    made: str = inside._source((argument,), (((0, argument, True),),), False, False)
    return made


@pytest.mark.parametrize(
    "name", ["x=out.append(1)", "class", "a b", "", "x\n", "'", "{i}", "\ufb01"]
)
def test_no_word_of_a_spec_becomes_more_than_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="no names of arguments"):
        source_with(name)


def test_without_that_check_such_a_word_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "_is_name", bool)
    name = "x=__import__('sys').modules, y"

    source = source_with(name)

    assert "impl0(x=__import__('sys').modules, y=data0)" in source
    compile(source, "<test>", "exec")
