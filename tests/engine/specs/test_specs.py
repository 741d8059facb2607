"""The specs as values say what the typed Python says."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable

import pytest

from lockgate import hookspecs
from lockgate._call.async_face import AsyncCalls
from lockgate._call.face import Calls
from lockgate._specs.names import streams
from lockgate._specs.spec import HookSpec, spec_classes, specs


def test_every_kind_has_a_class_of_specs() -> None:
    kinds = {spec.kind for spec in specs().values()}

    assert kinds == set(typing.get_args(hookspecs.Kind))
    assert len(spec_classes()) == len(kinds)


def test_context_is_no_argument_of_a_caller() -> None:
    for spec in specs().values():
        assert "context" in spec.parameters
        assert "context" not in [argument.name for argument in spec.arguments]


def test_a_spec_keeps_its_options_and_its_words() -> None:
    generate = specs()["generate"]

    assert generate.kind == "generator"
    assert generate.timeout_seconds == 120
    assert generate.failure == "fail"
    assert not generate.firstresult
    assert generate.doc.startswith("Make files from `spec`.")
    assert [a.name for a in generate.arguments if a.required] == ["spec"]


def overloads_of(cls: type) -> dict[str, inspect.Signature]:
    found: dict[str, inspect.Signature] = {}
    forms: list[Callable[..., object]] = [vars(cls)["call"], vars(cls)["stream"]]
    for overload in (one for form in forms for one in typing.get_overloads(form)):
        signature = inspect.signature(overload)
        hook = str(signature.parameters["hook"].annotation)
        if hook.startswith("Literal"):
            found[hook[len("Literal['") : -len("']")]] = signature
    return found


@pytest.mark.parametrize("cls", [Calls, AsyncCalls])
def test_there_is_an_overload_for_each_hook(cls: type) -> None:
    plain = [name for name, spec in specs().items() if not spec.stream]
    streams = [name for name, spec in specs().items() if spec.stream]

    assert list(overloads_of(cls)) == [*plain, *streams]


@pytest.mark.parametrize("cls", [Calls, AsyncCalls])
@pytest.mark.parametrize("spec", specs().values(), ids=lambda spec: spec.name)
def test_an_overload_says_what_its_spec_says(cls: type, spec: HookSpec) -> None:
    signature = overloads_of(cls)[spec.name]
    own = {argument.name: argument for argument in spec.arguments}
    options = {"self", "hook", "plugin", "timeout"} - own.keys()
    given = {n: p for n, p in signature.parameters.items() if n not in options}

    assert {name: p.annotation for name, p in given.items()} == {
        name: argument.annotation for name, argument in own.items()
    }
    assert {n for n, p in given.items() if p.default is p.empty} == {
        name for name, argument in own.items() if argument.required
    }
    answer = spec.annotation.removesuffix("| None").strip()
    if spec.stream:
        item = answer.removeprefix("Iterator[").removesuffix("]")
        form = "AnswerStream" if cls is Calls else "AsyncAnswerStream"
        assert signature.return_annotation == f"{form}[{item}]"
    else:
        assert signature.return_annotation == f"Answers[{answer}]"


def test_streams_are_known_by_name_as_by_their_types() -> None:
    assert streams() == {name for name, spec in specs().items() if spec.stream}
