"""Plugins of added kinds: for any schema, code that runs and answers what fits."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from lockgate._codec.own_types import own_types
from lockgate.kinds import AddedHook, AddedKind
from lockgate.kinds._specs import hook_specs
from lockgate.manifest import parse_manifest
from lockgate.project._added import added_files

PACKAGE = "lockgate_sample"
NAMES = st.sampled_from(
    ["a", "b2", "value", "long_name_of_a_field", "self", "int", "field", "hookimpl"]
)
FIELDS = st.one_of(NAMES, st.sampled_from(["class", "__init__", "a b", "__slots__"]))
"""Nobody's code, and no manifest, has an argument that is a word of Python."""

SCALARS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "enum": ["one", "it's"]},
        {"type": "string", "contentEncoding": "base64"},
        {"type": "integer"},
        {"type": ["number", "null"]},
        {"type": "boolean", "default": False},
        {"type": "string", "default": 'a "b" \\ c'},
        {"type": "object"},
        {"type": "object", "format": "lockgate:Tree"},
        {"type": "object", "format": "lockgate:Finding"},
        {},
        {"$ref": "#/$defs/Inner"},
        {"anyOf": [{"$ref": "#/$defs/Inner"}, {"type": "null"}]},
    ]
)
SCHEMAS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        inner.map(lambda s: {"type": "array", "items": s}),
        inner.map(lambda s: {"type": "object", "additionalProperties": s}),
    ),
    max_leaves=3,
)


@st.composite
def records(draw: st.DrawFn, parts: st.SearchStrategy[dict[str, Any]]) -> Any:
    fields = draw(st.dictionaries(FIELDS, parts, min_size=1, max_size=4))
    required = [name for name in fields if draw(st.booleans())]
    return {
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }


ANY = st.one_of(SCHEMAS, st.just({"$ref": "#/$defs/Outer"}))
PLAIN = SCALARS.filter(lambda s: "$ref" not in str(s))
HOOKS = st.builds(
    AddedHook,
    name=st.just("answer_it"),
    answer=ANY,
    arguments=st.dictionaries(NAMES, ANY, max_size=3),
    doc=st.sampled_from(["", 'Say """ and \\ "so"', "Two\nlines"]),
    stream=st.booleans(),
)


def made(kind: AddedKind) -> dict[str, str]:
    return added_files(
        kind,
        "adder",
        name="sample",
        summary="A sample.",
        package=PACKAGE,
        project="lockgate-sample",
    )


def loaded(code: str, name: str) -> ModuleType:
    module = sys.modules[name] = ModuleType(name)
    exec(compile(code, "plugin.py", "exec"), module.__dict__)
    return module


def record(required: str, **fields: Any) -> Any:
    table = {"type": "object", "properties": fields, "additionalProperties": False}
    return {**table, "required": required.split()}


TEXT, TABLE, INNER = {"type": "string"}, {"type": "object"}, {"$ref": "#/$defs/Inner"}
OUTER = AddedHook(name="answer_it", answer={"$ref": "#/$defs/Outer"})


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate])
@example(record("", a=TEXT), record("", field=TEXT, b=TABLE), OUTER)
@example(record("", a=TEXT), record("b", b=INNER, **{"class": TEXT}), OUTER)
@given(inner=records(PLAIN), outer=records(SCHEMAS), hook=HOOKS)
def test_what_is_written_answers_what_its_own_test_says(
    inner: Any, outer: Any, hook: AddedHook
) -> None:
    kind = AddedKind("sample", (hook,), defs={"Inner": inner, "Outer": outer})
    spec = hook_specs(kind)[hook.name]
    files = made(kind)
    impl = loaded(files[f"src/{PACKAGE}/plugin.py"], "sample_plugin").answer_it

    class Plugin:
        """What the test kit does, without a host."""

        def answer(self, name: str, /, **arguments: Any) -> Any:
            assert name == hook.name
            given = {
                a.name: a.codec.decode(a.codec.encode(arguments[a.name]))
                for a in spec.arguments
            }
            steps = own_types(impl)
            given = {n: steps.get(n, lambda v: v)(v) for n, v in given.items()}
            answered: Any = impl(**given)
            if not spec.stream:
                return spec.answer.checked(answered)
            items: Iterator[Any] = answered
            return tuple(spec.answer.checked(item) for item in items)

        def call(self, name: str, kind: type, /, **arguments: Any) -> Any:
            found = self.answer(name, **arguments)
            assert isinstance(found, kind)
            return found

    tests = loaded(files["tests/test_plugin.py"], "sample_tests")
    tests.test_answer_it_is_answered(Plugin())


HOSTILE = '"""\nimport os; os.system("x") #\\" `x` {{ y }} <b>\x1b[31m'


@pytest.mark.parametrize("where", ["doc", "about", "description", "default", "field"])
def test_text_of_a_stranger_stays_text(where: str) -> None:
    field = HOSTILE if where == "field" else "name"
    part = {"type": "string", "default": HOSTILE if where == "default" else "x"}
    inner: dict[str, Any] = {
        "type": "object",
        "properties": {field: part},
        "required": [],
        "additionalProperties": False,
        "description": HOSTILE if where == "description" else "",
    }
    answer = {"$ref": "#/$defs/Inner"}
    doc = HOSTILE if where == "doc" else ""
    hook = AddedHook("answer_it", answer, {"given": {"type": "string"}}, doc=doc)
    about = HOSTILE if where == "about" else ""
    files = made(AddedKind("sample", (hook,), about=about, defs={"Inner": inner}))

    for path, text in files.items():
        if path.endswith(".py"):
            calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
            assert "os" not in {ast.unparse(c.func).split(".")[0] for c in calls}
        assert "\x1b" not in text
    assert "`x`" not in files["README.md"]


def test_the_manifest_is_for_this_version_of_the_kind() -> None:
    life = {"deprecated": "1.2", "instead": "new_one"}
    hooks = (
        AddedHook("old_one", {"type": "integer"}, **life),  # type: ignore[arg-type]
        AddedHook("new_one", {"type": "integer"}, {"n": {"type": "integer"}}),
        AddedHook("gone", {"type": "integer"}, removed="1.1"),
    )
    files = made(AddedKind("sample", hooks, version="1.3"))
    text = files[f"src/{PACKAGE}/lockgate.toml"]

    manifest = parse_manifest(text.encode(), file="x", distribution="lockgate-sample")

    assert manifest.kinds == ("sample",)
    assert [impl.hook for impl in manifest.hooks] == ["new_one"]
    assert dict(manifest.kind_api) == {"sample": ">=1.3,<2"}
    assert manifest.requires == ("adder",)
    words = json.dumps(files["README.md"])
    assert "lockgate call new_one --plugin sample n=1" in words
