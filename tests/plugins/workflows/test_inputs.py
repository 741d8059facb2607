"""Inputs: what was given, held against what the pipeline asks for."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.values import Tree
from lockgate_workflows.inputs import InputError, bind
from lockgate_workflows.parse import parse
from lockgate_workflows.problems import Problems
from tests.support.workflows import source

FILES = Tree.of(
    {
        "led.yaml": "name: led",
        "list.yaml": "[1]",
        "bad.yaml": "a: [",
        "p/x.yaml": "x: 1",
    }
)
TREE = {"files": [{"path": "a", "content": b"x", "executable": False}]}


def bound(kind: str, value: Any, file: str = "main.yaml") -> Any:
    text = f"{{schema: 1, name: t, inputs: {{x: {{type: {kind}}}}}, steps: [{{}}]}}"
    return bind(parse(source(text, file), Problems()), {"x": value}, FILES)["x"]


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("document", {"a": 1}, {"a": 1}),
        ("document", "led.yaml", {"name": "led"}),
        ("documents", [{"a": 1}, "led.yaml"], [{"a": 1}, {"name": "led"}]),
        ("list", (1, 2), [1, 2]),
        ("string", "x", "x"),
        ("integer", 3, 3),
        ("integer", "-3", -3),
        ("boolean", False, False),
        ("boolean", "true", True),
        ("tree", TREE, TREE),
        ("tree", {"files": []}, {"files": []}),
    ],
)
def test_an_input_takes_its_type(kind: str, given: Any, expected: Any) -> None:
    assert bound(kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("document", 3, "is asked for, this is a number"),
        ("document", "lde.yaml", "there is no file 'lde.yaml' beside the pipeline"),
        ("document", "../led.yaml", "'..'"),
        ("document", "/etc/hostname", "relative"),
        ("document", "list.yaml", "the document is a list, not an object"),
        ("document", "bad.yaml", "bad.yaml:1: no YAML"),
        ("documents", {"a": 1}, "a list of objects"),
        ("documents", [1], "an object, or the path"),
        ("list", "a,b", "a list is asked for, this is a text"),
        ("string", 3, "a text is asked for, this is a number"),
        ("integer", True, "a whole number is asked for, this is a boolean"),
        ("integer", "9" * 50, "a whole number is asked for"),
        ("boolean", "yes", "true or false is asked for, this is a text"),
        ("boolean", 1, "true or false is asked for"),
        ("tree", {"files": [{"path": "../x", "content": b""}]}, "'..'"),
        ("tree", {"files": [{"path": "x"}]}, "a tree: "),
    ],
)
def test_another_type_is_refused_with_what_was_asked(
    kind: str, given: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        bound(kind, given)

    (reason,) = caught.value.reasons
    assert (reason.code, reason.where) == ("input-type", "inputs.x")
    assert message in reason.message


def test_a_path_is_relative_to_the_pipelines_own_file() -> None:
    assert bound("document", "x.yaml", "p/main.yaml") == {"x": 1}


def test_every_wrong_input_is_named_at_once() -> None:
    text = """
    schema: 1
    name: t
    inputs:
      spec: {type: document}
      count: {type: integer, default: 2}
      name: {type: string, default: x}
    steps: [{}]
    """
    pipeline = parse(source(text), Problems())
    with pytest.raises(InputError) as caught:
        bind(pipeline, {"sepc": {}, "count": "many"}, Tree())

    assert [reason.code for reason in caught.value.reasons] == [
        "unknown-input",
        "input-missing",
        "input-type",
    ]
    assert caught.value.reasons[0].hint == "did you mean 'spec'?"


def test_what_is_not_given_has_its_default() -> None:
    text = "{schema: 1, name: t, inputs: {a: {type: list, default: []}}, steps: [{}]}"

    assert bind(parse(source(text), Problems()), {}, Tree()) == {"a": []}
