"""Schemas to codecs: what fits, what does not, what is no schema at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._codec.misfit import Misfit
from lockgate.kinds import _schema
from lockgate.kinds._schema import SchemaError, Schemas
from lockgate.values import Data, Tree

_LEAVES: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
    ({"type": "string"}, st.text(max_size=5)),
    ({"type": "string", "contentEncoding": "base64"}, st.binary(max_size=5)),
    ({"type": "string", "enum": ["a", "b"]}, st.sampled_from(["a", "b"])),
    ({"type": "integer"}, st.integers(-(2**63), 2**64 - 1)),
    ({"type": "number"}, st.floats(allow_nan=False)),
    ({"type": "boolean"}, st.booleans()),
    ({"type": ["integer", "null"]}, st.none() | st.integers(0, 9)),
    ({"type": "object"}, st.dictionaries(st.text(max_size=3), st.integers(0, 9))),
]


def _deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def as_list(pair: Any) -> Any:
        schema, made = pair
        return {"type": "array", "items": schema}, st.lists(made, max_size=3)

    def as_map(pair: Any) -> Any:
        schema, made = pair
        table = {"type": "object", "additionalProperties": schema}
        return table, st.dictionaries(st.text(max_size=3), made, max_size=3)

    def as_record(pairs: Any) -> Any:
        names = [f"f{n}" for n in range(len(pairs))]
        schemas = {n: pair[0] for n, pair in zip(names, pairs, strict=True)}
        made = {n: pair[1] for n, pair in zip(names, pairs, strict=True)}
        table = {
            "type": "object",
            "properties": schemas,
            "required": names,
            "additionalProperties": False,
        }
        return table, st.fixed_dictionaries(made)

    return st.one_of(
        inner.map(as_list),
        inner.map(as_map),
        st.lists(inner, min_size=1, max_size=3).map(as_record),
    )


def _thawed(value: Any) -> Data:
    if isinstance(value, Mapping):
        return {name: _thawed(item) for name, item in value.items()}  # pyright: ignore
    if isinstance(value, (tuple, list)):
        return [_thawed(item) for item in value]  # pyright: ignore
    return value  # type: ignore[no-any-return]


@settings(max_examples=60)
@given(st.data())
def test_what_fits_comes_back_as_it_was_and_frozen(data: st.DataObject) -> None:
    schema, values = data.draw(st.recursive(st.sampled_from(_LEAVES), _deeper))
    value = data.draw(values)
    codec = Schemas({"T": schema}).codec({"$ref": "#/$defs/T"})

    decoded = codec.decode(value)

    assert _thawed(decoded) == value
    assert codec.encode(decoded) == codec.canonical(value) == value


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "items", "properties", "required", "enum", "$ref", "format",
             "default", "additionalProperties", "contentEncoding", "pattern"]
        ),
        inner | st.sampled_from(["object", "array", "string", "#/$defs/T", "null"]),
        max_size=4,
    ),
)  # fmt: skip


@settings(max_examples=100)
@given(_JSON, _JSON)
def test_any_schema_is_a_codec_or_refused_with_its_place(
    schema: object, value: object
) -> None:
    schemas, told = Schemas({"T": schema}), ""
    try:
        codec = schemas.codec({"$ref": "#/$defs/T"})
    except SchemaError as error:
        codec, told = None, error.message
    misfit: Misfit | None = None
    if codec is not None:
        try:
            codec.encode(codec.decode(value))
        except Misfit as error:
            misfit = error

    assert codec is not None or told
    assert misfit is None or misfit.expected


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "(a+)+$"}, "'pattern' is not supported"),
        ({"type": "integer", "minimum": 3}, "'minimum' is not supported"),
        ({"anyOf": []}, "`anyOf` is a schema and"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, "in this order"),
        ({"oneOf": []}, "'oneOf' is not supported"),
        ({"type": ["string", "integer"]}, "no type"),
        ({"$ref": "http://example.org/x"}, "points nowhere"),
        ({"$ref": "#/$defs/Other"}, "points nowhere"),
        ({"$ref": "#/$defs/T"}, "holds itself"),
        ({"type": "object", "format": "lockgate:Nothing"}, "no format"),
        ({"type": "object", "format": "lockgate:check_path"}, "no format"),
        ({"type": "object", "properties": {}}, "has no others"),
        ({"type": "string", "enum": [1]}, "list of strings"),
        ({"type": "integer", "default": "x"}, ""),
    ],
)
def test_what_is_not_enforced_is_refused(schema: object, words: str) -> None:
    if not words:
        Schemas({"T": schema}).check()  # a note, unless a property bears it
        table = {
            "type": "object",
            "properties": {"a": schema},
            "additionalProperties": False,
        }
        schema, words = table, "`default` does not fit"
    with pytest.raises(SchemaError, match=words):
        Schemas({"T": schema}).check()


def test_size_and_depth_are_bounded() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(30):
        deep = {"type": "array", "items": deep}
    wide = {f"f{n}": {"type": "string"} for n in range(2100)}
    table = {"type": "object", "properties": wide, "additionalProperties": False}

    with pytest.raises(SchemaError, match="levels deep"):
        Schemas({"T": deep}).check()
    with pytest.raises(SchemaError, match="schemas in one kind"):
        Schemas({"T": table}).check()


def test_references_that_double_are_compiled_once_each() -> None:
    def pair(name: str) -> dict[str, Any]:
        sides = {side: {"$ref": f"#/$defs/{name}"} for side in ("left", "right")}
        return {"type": "object", "properties": sides, "additionalProperties": False}

    laughs: dict[str, Any] = {f"L{n}": pair(f"L{n + 1}") for n in range(20)}
    laughs["L20"] = {"type": "string"}

    Schemas(laughs).check()  # 2 ** 20 strings, were it unfolded


@dataclass(frozen=True)
class Clip:
    rate: int
    name: str = ""


def test_a_dataclass_stands_for_an_object_and_defaults_are_filled_in() -> None:
    codec = Schemas({}).codec(
        {
            "type": "object",
            "properties": {
                "rate": {"type": "integer"},
                "name": {"type": "string", "default": "new"},
            },
            "required": ["rate"],
            "additionalProperties": False,
        }
    )

    assert codec.encode(Clip(3, "x")) == {"rate": 3, "name": "x"}
    decoded = codec.decode({"rate": 3})
    assert decoded == {"rate": 3, "name": "new"}
    with pytest.raises(TypeError):
        decoded["rate"] = 4
    with pytest.raises(Misfit, match="the field 'rate'"):
        codec.decode({"name": "x"})


def test_values_of_lockgate_are_carried_as_themselves() -> None:
    codec = Schemas({}).codec({"type": "object", "format": "lockgate:Tree"})
    tree = Tree.of({"a.txt": "x"})

    assert codec.decode(codec.encode(tree)) == tree
    assert codec.decode(tree) == tree


def _laughs(levels: int) -> dict[str, Any]:
    """Definitions of which each has the one before as two defaults."""
    leaf = {"x": {"type": "integer", "default": 1}}
    defs: dict[str, Any] = {}
    for level in range(levels):
        inner: Any = {"$ref": f"#/$defs/L{level - 1}", "default": {}}
        properties: Any = {"a": inner, "b": inner} if level else leaf
        defs[f"L{level}"] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
    return defs


def _count(value: Any) -> int:
    return 1 + (sum(map(_count, value.values())) if isinstance(value, dict) else 0)  # pyright: ignore


def test_defaults_of_defaults_do_not_unfold_into_a_bomb(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refers = {"$ref": "#/$defs/L16"}
    with pytest.raises(SchemaError, match="more than 1,000 values") as caught:
        Schemas(_laughs(17)).codec(refers)
    assert caught.value.where[-1] in ("a", "b")
    few = Schemas(_laughs(4)).codec({"$ref": "#/$defs/L3"})
    assert _count(few.encode(few.decode({}))) == 23

    def anything(_: object) -> bool:
        return True

    monkeypatch.setattr(_schema, "is_small", anything)
    bomb = Schemas(_laughs(17)).codec(refers)
    # 17 definitions, and an answer of no bytes.
    assert _count(bomb.encode(bomb.decode({}))) > 190_000


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        ({"type": "array", "items": {"type": "integer"}}, [0] * 1001),
        ({"type": "string"}, "x" * (16 * 1024 + 1)),
        ({"type": "object"}, {"k" * 20_000: 1}),
    ],
)
def test_a_default_is_small(kind: dict[str, Any], default: object) -> None:
    table = {
        "type": "object",
        "properties": {"field": {**kind, "default": default}},
        "additionalProperties": False,
    }
    with pytest.raises(SchemaError, match="written out"):
        Schemas({}).codec(table)
