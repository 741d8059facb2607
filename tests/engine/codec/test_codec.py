"""Values cross the boundary by their declared types, or not at all."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate import values
from lockgate._codec.annotations import AnyData, AnyDocument, hints
from lockgate._codec.convert import DEPTH_LIMIT, codec, to_data
from lockgate._codec.misfit import Misfit
from lockgate._codec.quick import quick_decoder, quick_encoder
from lockgate._specs.spec import specs
from lockgate.values import (
    AnalysisReport,
    Data,
    File,
    Finding,
    Generation,
    Position,
    Range,
    Task,
    Tree,
)

PATHS = st.lists(
    st.text("abcxyz._-", min_size=1, max_size=6).filter(lambda p: p.strip(".")),
    min_size=1,
    max_size=3,
).map("/".join)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.text(max_size=4), PLAIN, max_size=3)


def folders(paths: set[str]) -> bool:
    return any(a != b and b.startswith(a + "/") for a in paths for b in paths)


TREES = (
    st.dictionaries(PATHS, st.binary(max_size=8), max_size=3)
    .filter(lambda files: not folders(set(files)))
    .map(lambda files: Tree(tuple(File(p, b) for p, b in files.items())))
)


def strategy(annotation: object) -> st.SearchStrategy[object]:
    """Values of a type that may stand in a spec, found by its annotation."""
    if annotation is Tree:
        return TREES
    if annotation is File:
        return st.builds(File, PATHS, st.binary(max_size=8), st.booleans())
    if annotation is AnyDocument:
        return DOCUMENTS
    if annotation is AnyData:
        return PLAIN
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        parts = {k: strategy(v) for k, v in hints(annotation).items()}
        return st.builds(annotation, **parts)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return st.lists(strategy(arguments[0]), max_size=2).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if arguments:
        return st.one_of([strategy(argument) for argument in arguments])
    scalars: dict[object, st.SearchStrategy[object]] = {
        str: st.text(max_size=8),
        int: st.integers(-(2**63), 2**63),
        float: st.floats(allow_nan=False),
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
        type(None): st.none(),
    }
    return scalars[annotation]


VALUE_TYPES = [
    value
    for value in vars(values).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
]


@pytest.mark.parametrize("kind", VALUE_TYPES, ids=lambda kind: kind.__name__)
def test_every_value_type_survives_the_way_there_and_back(kind: type) -> None:
    @given(strategy(kind))
    def holds(value: object) -> None:
        data = codec(kind).encode(value)

        assert codec(kind).decode(data) == value
        assert codec(kind).canonical(data) == data

    holds()


def outcome(step: Callable[[object], object], value: object) -> str:
    """What `step` makes of `value`: repr tells True from 1, and a list from a tuple."""
    try:
        return repr(step(value))
    except Misfit as misfit:
        return str(misfit)


def altered(draw: st.DrawFn, data: Data) -> Data:
    """`data` with one part of it replaced, left out or added."""
    if isinstance(data, dict) and data and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(data)))
        rest = {k: v for k, v in data.items() if k != key}
        if draw(st.booleans()):
            return {**rest, key: altered(draw, data[key])}
        return rest if draw(st.booleans()) else {**data, "more": None}
    if isinstance(data, list) and data and draw(st.booleans()):
        at = draw(st.integers(0, len(data) - 1))
        return [*data[:at], altered(draw, data[at]), *data[at + 1 :]]
    return draw(PLAIN)


@pytest.mark.parametrize("kind", VALUE_TYPES, ids=lambda kind: kind.__name__)
def test_the_quick_path_and_the_exact_one_never_differ(kind: type) -> None:
    @settings(max_examples=25)
    @given(strategy(kind), st.data())
    def holds(value: object, chance: st.DataObject) -> None:
        both = codec(kind)
        data = both.exact.encode(value)
        other = chance.draw(st.composite(altered)(data))
        field = chance.draw(st.sampled_from([f.name for f in dataclasses.fields(kind)]))

        assert outcome(both.encode, value) == outcome(both.exact.encode, value)
        for given_data in (data, other):
            assert outcome(both.decode, given_data) == outcome(
                both.exact.decode, given_data
            )
        object.__setattr__(value, field, chance.draw(PLAIN))
        assert outcome(both.encode, value) == outcome(both.exact.encode, value)

    holds()


@pytest.mark.parametrize("kind", VALUE_TYPES, ids=lambda kind: kind.__name__)
def test_the_quick_path_serves_the_common_case(kind: type) -> None:
    @settings(max_examples=10)
    @given(strategy(kind))
    def holds(value: object) -> None:
        data = quick_encoder(kind)(value)

        assert quick_decoder(kind)(data) == value

    holds()


@given(PLAIN)
def test_plain_data_is_the_same_on_both_paths(data: Data) -> None:
    for kind in (AnyData, AnyDocument):
        both = codec(kind)

        assert outcome(both.encode, data) == outcome(both.exact.encode, data)


@pytest.mark.parametrize("depth", [DEPTH_LIMIT - 1, DEPTH_LIMIT, DEPTH_LIMIT + 1])
@pytest.mark.parametrize("kind", [AnyData, AnyDocument])
def test_both_paths_stop_at_the_same_depth(kind: type, depth: int) -> None:
    lists: Data = 1
    objects: Data = 1
    for _ in range(depth - 1):
        lists, objects = [lists], {"k": objects}
    both = codec(kind)

    for data in (lists, objects):
        whole = {"top": data}
        assert outcome(both.encode, whole) == outcome(both.exact.encode, whole)


@given(PLAIN)
def test_no_data_whatever_breaks_a_decoder(data: Data) -> None:
    """What fits becomes a value, what does not is a `Misfit`: never another error."""
    for spec in specs().values():
        with suppress(Misfit):
            spec.answer.encode(spec.answer.decode(data))


def test_a_misfit_names_the_path_to_it() -> None:
    data: Data = {
        "findings": [
            {"path": "a", "rule": "r", "severity": "error", "message": "m"},
            {"path": "a", "rule": "r", "severity": "fatal", "message": "m"},
        ]
    }

    with pytest.raises(Misfit) as caught:
        codec(AnalysisReport).decode(data)

    assert caught.value.where == "findings[1].severity"
    assert "one of 'error', 'warning', 'note'" in str(caught.value)
    assert "'fatal'" in str(caught.value)


def test_a_misfit_deep_inside_a_record_keeps_every_step() -> None:
    finding = Finding("a", "r", "error", "m", Range(Position(1), Position(2)))
    data = to_data(finding)
    assert isinstance(data, dict)
    data["range"] = {"start": {"line": "one"}, "end": {"line": 2}}

    with pytest.raises(Misfit, match=r"range\.start\.line: expected an integer"):
        codec(Finding).decode(data)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (int, True),
        (int, 1.0),
        (bool, 1),
        (str, b"text"),
        (bytes, "text"),
        (float, "1"),
        (float, True),
    ],
)
def test_no_scalar_is_taken_for_another(kind: type, wrong: object) -> None:
    with pytest.raises(Misfit):
        codec(kind).decode(wrong)


def test_a_number_may_come_as_an_integer() -> None:
    value = codec(float).decode(3)

    assert value == 3.0
    assert isinstance(value, float)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(
        Misfit, match="only the fields line, column, found the string 'extra'"
    ):
        codec(Position).decode({"line": 1, "extra": 2})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Misfit, match="'content'"):
        codec(File).decode({"path": "a"})


def test_a_path_that_leaves_the_tree_is_a_misfit() -> None:
    data: Data = {"tree": {"files": [{"path": "../../etc/x", "content": b""}]}}

    with pytest.raises(Misfit, match=r"tree\.files\[0\]"):
        codec(Generation).decode(data)


def test_nesting_has_a_limit() -> None:
    deep: Data = {}
    for _ in range(DEPTH_LIMIT + 1):
        deep = {"a": deep}

    with pytest.raises(Misfit, match="levels of nesting"):
        codec(Task).decode({"kind": "x", "documents": deep})


def test_an_integer_that_the_wire_cannot_hold_is_a_misfit() -> None:
    with pytest.raises(Misfit, match="64 bits"):
        to_data({"a": 2**64})


def test_an_object_has_string_keys() -> None:
    with pytest.raises(Misfit, match="string keys"):
        to_data({1: "a"})


def test_a_foreign_object_is_no_data() -> None:
    with pytest.raises(Misfit, match="object"):
        to_data({"a": object()})


def test_a_subclass_does_not_pass_for_its_base() -> None:
    """An impl may answer only what the spec names; a subclass could do anything."""

    class Odd(File):
        pass

    with pytest.raises(Misfit, match="a File"):
        codec(File).encode(Odd("a", b""))


def test_a_type_outside_the_closed_set_cannot_stand_in_a_spec() -> None:
    for annotation in (set[int], dict[int, str], int | str, object):
        with pytest.raises(TypeError, match="can't carry"):
            codec(annotation)
