"""pluggy's order and first results, our failures, over seats that only answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

import pytest

from lockgate._call.answers import Answer, Answers
from lockgate._call.call import Call
from lockgate._dispatch.dispatch import Dispatcher
from lockgate._dispatch.in_process import Direct
from lockgate._dispatch.wrapped import Wrapping
from lockgate._manifest.value import HookImpl
from lockgate._specs.spec import HookSpec, specs
from lockgate.errors import (
    ArgumentError,
    HookError,
    HostClosedError,
    LockgateError,
    NoAnswerError,
)
from lockgate.grants import Identity
from lockgate.values import File, Tree

Wish = Literal["first", "last", ""]


class Seated:
    """A seat that answers by a function, and remembers what it was asked."""

    def __init__(self, name: str, answer: Callable[[Call], object]) -> None:
        self.identity = Identity(name, f"dist-{name}", "1.0", "digest")
        self._answer = answer
        self.calls: list[Call] = []

    on_loop = None

    def direct(self, spec: HookSpec, *, alone: bool) -> Direct | None:
        raise NotImplementedError(spec.name, alone)

    def ask(self, call: Call) -> Answer[object] | None:
        self.calls.append(call)
        value = self._answer(call)
        if value is None:
            return None
        return Answer(value, self.identity.plugin, "1.0", "basic", 0.0)

    def stream(self, call: Call) -> Generator[object]:
        raise NotImplementedError(call.spec.name)

    def begin(self, call: Call) -> Wrapping | None:
        raise NotImplementedError(call.spec.name)


def failing(error: LockgateError) -> Callable[[Call], object]:
    def fail(_: Call) -> object:
        raise error

    return fail


def broken(plugin: str, hook: str = "can_handle") -> HookError:
    return HookError("boom", plugin=plugin, hook=hook)


def dispatcher(*seats: tuple[Seated, dict[str, Wish]]) -> Dispatcher:
    made = Dispatcher()
    for seat, hooks in seats:
        made.add(seat, [HookImpl(hook, "m:f", wish) for hook, wish in hooks.items()])
    return made


def call(hook: str, **arguments: object) -> Call:
    return Call.of(specs()[hook], arguments)


TREE: dict[str, object] = {"tree": Tree()}


def test_every_plugin_is_asked_in_order() -> None:
    one, two = Seated("one", lambda _: 1), Seated("two", lambda _: 2)
    made = dispatcher((one, {"transform": ""}), (two, {"transform": ""}))

    answers = made.run(call("transform", **TREE))

    assert answers.values == (1, 2)
    assert answers.asked == ("one", "two")


def test_the_manifest_can_ask_to_be_first_or_last() -> None:
    seats = [Seated(name, lambda _: 1) for name in ("a", "b", "c")]
    made = dispatcher(
        (seats[0], {"transform": "last"}),
        (seats[1], {"transform": ""}),
        (seats[2], {"transform": "first"}),
    )

    assert made.implementers("transform") == ("c", "b", "a")


def test_a_plugin_without_an_answer_leaves_no_trace_but_that_it_was_asked() -> None:
    made = dispatcher(
        (Seated("one", lambda _: None), {"transform": ""}),
        (Seated("two", lambda _: 2), {"transform": ""}),
    )

    answers = made.run(call("transform", **TREE))

    assert answers.values == (2,)
    assert answers.asked == ("one", "two")


def test_the_first_result_ends_the_asking() -> None:
    one, two = Seated("one", lambda _: "done"), Seated("two", lambda _: "late")
    made = dispatcher((one, {"complete": ""}), (two, {"complete": ""}))

    answers = made.run(call("complete", task={"kind": "explain"}))

    assert answers.first == "done"
    assert two.calls == []


def test_one_plugin_can_be_named() -> None:
    one, two = Seated("one", lambda _: 1), Seated("two", lambda _: 2)
    made = dispatcher((one, {"transform": ""}), (two, {"transform": ""}))

    answers = made.run(call("transform", **TREE), plugin="two")

    assert answers.values == (2,)
    assert one.calls == []


def test_under_fail_the_first_failure_is_raised() -> None:
    error = broken("one", "transform")
    two = Seated("two", lambda _: 2)
    made = dispatcher(
        (Seated("one", failing(error)), {"transform": ""}), (two, {"transform": ""})
    )

    with pytest.raises(HookError) as caught:
        made.run(call("transform", **TREE))

    assert caught.value is error
    assert two.calls == []


def test_under_skip_the_others_answer_and_the_failure_is_told() -> None:
    error = broken("one")
    made = dispatcher(
        (Seated("one", failing(error)), {"can_handle": ""}),
        (Seated("two", lambda _: 0.5), {"can_handle": ""}),
    )

    answers = made.run(call("can_handle", task={"kind": "x"}))

    assert answers.values == (0.5,)
    assert [(f.plugin, f.error) for f in answers.failed] == [("one", error)]


def test_under_collect_all_are_asked_and_the_failures_come_as_a_group() -> None:
    from dataclasses import replace

    spec = specs()["can_handle"]
    collecting = replace(spec, options=replace(spec.options, failure="collect"))
    two = Seated("two", lambda _: 0.5)
    made = dispatcher(
        (Seated("one", failing(broken("one"))), {"can_handle": ""}),
        (two, {"can_handle": ""}),
        (Seated("three", failing(broken("three"))), {"can_handle": ""}),
    )

    with pytest.raises(ExceptionGroup) as caught:
        made.run(Call.of(collecting, {"task": {"kind": "x"}}))

    assert len(caught.value.exceptions) == 2
    assert len(two.calls) == 1


def test_a_closed_host_is_never_skipped_over() -> None:
    made = dispatcher((Seated("one", failing(HostClosedError())), {"can_handle": ""}))

    with pytest.raises(HostClosedError):
        made.run(call("can_handle", task={"kind": "x"}))


def test_no_answer_says_who_was_asked_and_why_they_failed() -> None:
    made = dispatcher((Seated("one", failing(broken("one"))), {"can_handle": ""}))
    answers: Answers[float] = made.run(call("can_handle", task={"kind": "x"}))

    with pytest.raises(NoAnswerError) as caught:
        _ = answers.first

    assert caught.value.asked == ("one",)
    assert "boom" in caught.value.hint


def test_an_unknown_argument_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ArgumentError, match="'target'") as caught:
        call("generate", spec={}, target=["x"])

    assert "targets" in caught.value.hint


def test_a_missing_argument_is_named_with_its_type() -> None:
    with pytest.raises(ArgumentError, match="Document") as caught:
        call("generate")

    assert caught.value.argument == "spec"


def test_a_wrong_argument_names_its_path() -> None:
    with pytest.raises(ArgumentError, match=r"files\[0\].content: expected bytes"):
        call("transform", tree={"files": [{"path": "a", "content": "text"}]})


def test_arguments_may_be_values_or_their_data() -> None:
    tree = Tree((File("a", b"x"),))
    plain = {"files": [{"path": "a", "content": b"x"}]}

    assert call("transform", tree=tree).data == call("transform", tree=plain).data
    assert call("transform", tree=plain).value("tree") == tree
    assert call("transform", tree=tree).value("tree") is tree


def test_a_hook_with_an_argument_called_timeout_gets_it() -> None:
    handle = {"device": "d", "handle": 1}

    made = call("read_device", handle=handle, size=1, timeout=5)

    assert made.data["timeout"] == 5.0
    assert made.seconds == specs()["read_device"].timeout_seconds + 5
