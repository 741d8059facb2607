"""Hooks of an added kind: dispatched like built-in ones, wherever a plugin sits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.errors import AnswerInvalidError, HookError
from tests.engine.conformance.places import PLACES, Place, Plugins, opened

KIND = """
[[added-kinds]]
name = "voice"

[added-kinds.defs.Word]
type = "object"
properties = { text = { type = "string" } }
required = ["text"]
additionalProperties = false
"""

HOOKS = {
    "say_all": "",
    "say_collect": 'failure = "collect"',
    "say_skip": 'failure = "skip"',
    "say_first": "firstresult = true",
    "say_past": "historic = true",
    "say_stream": "stream = true",
}

HOOK = """
[[added-kinds.hooks]]
name = "{}"
{}
answer = {{ "$ref" = "#/$defs/Word" }}
arguments = {{ doing = {{ type = "object" }}, said = {{ "$ref" = "#/$defs/Word" }} }}
"""

SOURCE = """
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from lockgate.plugin import Context, Document, hookimpl


@dataclass(frozen=True)
class Word:
    text: str

    @property
    def louder(self):
        return self.text.upper()


def act(doing: Document, said: Word, context: Context):
    context.log("info", f"{context.plugin} hears {said.louder}")
    action = doing.get(context.plugin)
    if action == "raise":
        raise ValueError("boom")
    if action == "wrong":
        return {"text": 3}
    return None if action is None else Word(f"{action} {said.louder}")


@hookimpl(specname="say_all")
def say_all(doing: Document, said: Word, context: Context) -> Word | None:
    return act(doing, said, context)


@hookimpl(specname="say_collect")
async def say_collect(doing: Document, said: Word, context: Context) -> Word | None:
    return act(doing, said, context)


@hookimpl(specname="say_skip")
def say_skip(doing: Document, said: Word, context: Context):
    return act(doing, said, context)


@hookimpl(specname="say_first")
def say_first(doing, said: Word, context) -> Word | None:
    return act(doing, said, context)


@hookimpl(specname="say_past")
def say_past(doing: Document, said: Word, context: Context) -> Word | None:
    return act(doing, said, context)


@hookimpl(specname="say_stream")
def said(doing: Document, said: Word, context: Context) -> Iterator[Word]:
    for _ in range(2):
        yield act(doing, said, context)


@hookimpl(specname="say_stream")
async def asaid(doing: Document, said: Word, context: Context) -> AsyncIterator[Word]:
    for _ in range(2):
        yield act(doing, said, context)
"""


def lines(module: str, stream: str) -> list[str]:
    targets = {hook: hook for hook in HOOKS} | {"say_stream": stream}
    return [f'{hook} = "{module}:{name}"' for hook, name in targets.items()]


PLUGINS: Plugins = {
    "a": lambda module: lines(module, "said"),
    "b": lambda module: lines(module, "asaid"),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    added = KIND + "".join(HOOK.format(*hook) for hook in HOOKS.items())
    with opened(
        request.param, tmp_path, PLUGINS, source=SOURCE, kind="voice", added=added
    ) as made:
        yield made


def call(place: Place, hook: str, **doing: str) -> list[tuple[str, str]]:
    answers = place.call(hook, doing=doing, said={"text": "hi"})
    return [(answer.plugin, answer.value["text"]) for answer in answers]


def test_all_are_asked_and_get_their_own_class(place: Place) -> None:
    assert call(place, "say_all", a="x", b="y") == [("a", "x HI"), ("b", "y HI")]
    assert call(place, "say_all", b="y") == [("b", "y HI")]
    assert call(place, "say_first", a="x", b="y") == [("a", "x HI")]
    assert call(place, "say_first", b="y") == [("b", "y HI")]


def test_each_failure_policy_holds(place: Place) -> None:
    with pytest.raises(HookError, match="boom"):
        call(place, "say_all", a="raise", b="y")
    assert place.lines == ["a hears HI"]
    with pytest.raises(ExceptionGroup) as caught:
        call(place, "say_collect", a="raise", b="raise")
    assert len(caught.value.exceptions) == 2
    answers = place.call("say_skip", doing={"a": "raise", "b": "y"}, said={"text": "-"})
    assert [answer.plugin for answer in answers] == ["b"]
    assert [failure.plugin for failure in answers.failed] == ["a"]


def test_what_does_not_fit_the_schema_is_refused(place: Place) -> None:
    with pytest.raises(AnswerInvalidError, match="text"):
        call(place, "say_all", a="wrong")


def test_a_stream_is_read_item_by_item(place: Place) -> None:
    found = place.read("say_stream", doing={"a": "x", "b": "y"}, said={"text": "hi"})

    texts = [(plugin, value["text"]) for plugin, value in found.items]
    assert texts == [("a", "x HI")] * 2 + [("b", "y HI")] * 2
    assert found.error is None
    most = place.read("say_stream", most=1, doing={"a": "x"}, said={"text": "hi"})
    assert [plugin for plugin, _ in most.items] == ["a"]
    wrong = place.read("say_stream", doing={"a": "wrong"}, said={"text": "hi"})
    assert isinstance(wrong.error, AnswerInvalidError)


def test_a_historic_one_is_kept_for_who_is_asked_later(place: Place) -> None:
    assert call(place, "say_past", a="x") == [("a", "x HI")]
    assert place.lines == ["a hears HI", "b hears HI"]
    assert call(place, "say_past", b="y") == [("b", "y HI")]
    assert place.lines == ["a hears HI", "b hears HI"]
