"""The expression language: what it means, what it refuses, and that it always ends."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.expression import (
    STEP_LIMIT,
    Expression,
    ExpressionError,
    Reference,
    Template,
    render,
)

NAMES: dict[str, Any] = {
    "steps": {
        "lint": {
            "value": {
                "findings": [
                    {"rule": "E1", "severity": "warning"},
                    {"rule": "E2", "severity": "error"},
                ]
            }
        },
        "my-step": {"state": "done"},
    },
    "targets": ["micropython", "arduino"],
    "pair": (1, 2),
    "count": 3,
    "name": "uno",
    "empty": [],
    "nothing": None,
    "yes": True,
}


class Touchy:
    """Raises as soon as anything of it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"attribute {name} was read")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("was compared")

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise AssertionError("was asked for its truth")

    def __len__(self) -> int:
        raise AssertionError("was asked for its length")

    def __getitem__(self, key: object) -> Any:
        raise AssertionError("was indexed")

    def __iter__(self) -> Any:
        raise AssertionError("was iterated")

    def __str__(self) -> str:
        raise AssertionError("was shown")

    __repr__ = __format__ = __str__  # type: ignore[assignment]


def value(source: str, **names: Any) -> Any:
    return Expression.parse(source).evaluate({**NAMES, **names})


def error(source: str, **names: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(source, **names)
    return caught.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1", 1),
        ("-2.5", -2.5),
        ("1e3", 1000.0),
        ("'it\\'s'", "it's"),
        ('"a\\nb"', "a\nb"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("[1, 'a', [2]]", [1, "a", [2]]),
        ("[1, 2,]", [1, 2]),
        ("count == 3", True),
        ("count != 3", False),
        ("count < 4 and count >= 3", True),
        ("name > 'abc'", True),
        ("'micropython' in targets", True),
        ("'rust' not in targets", True),
        ("'n' in name", True),
        ("'value' in steps.lint", True),
        ("not count", False),
        ("not not count", True),
        ("nothing or 'default'", "default"),
        ("empty and 1", []),
        ("steps.lint.value.findings[1].rule", "E2"),
        ("steps['lint']['value'].findings[-1]['rule']", "E2"),
        ("steps.my-step.state == 'done'", True),
        ("len(targets)", 2),
        ("len(name) == 3", True),
        ("pair[1]", 2),
        ("any(steps.lint.value.findings, item.severity == 'error')", True),
        ("all(steps.lint.value.findings, item.severity == 'error')", False),
        ("any(empty, true)", False),
        ("all(empty, false)", True),
        ("any([[1], [2, 3]], any(item, item == 3))", True),
        ("any([[1]], any(item, item == 1) and item == [1])", True),
        ("(1 == 1) == true", True),
        ("pair == [1, 2]", True),
        ("targets[0]", "micropython"),
        (" \n count\t== 3 ", True),
        ("1 == 1 or missing", True),
    ],
)
def test_an_expression_has_its_value(source: str, expected: object) -> None:
    assert value(source) == expected


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("", "expression-syntax", 1),
        ("1 +", "expression-syntax", 3),
        ("count = 3", "expression-syntax", 7),
        ("(1", "expression-syntax", 3),
        ("[1", "expression-syntax", 3),
        ("'abc", "expression-syntax", 1),
        ("'a\\qb'", "expression-syntax", 3),
        ("1 < 2 < 3", "expression-syntax", 7),
        ("a b", "expression-syntax", 3),
        ("a.", "expression-syntax", 3),
        ("a.0", "expression-syntax", 3),
        ("007", "expression-syntax", 1),
        ("- name", "expression-syntax", 1),
        ("in", "expression-syntax", 1),
        ("len", "expression-syntax", 1),
        ("len()", "expression-syntax", 1),
        ("any(targets)", "expression-syntax", 1),
        ("eval('1')", "expression-name", 1),
        ("a}", "expression-syntax", 2),
        ("é", "expression-syntax", 1),
        ("cuont", "expression-name", 1),
        ("steps.lnit", "expression-name", 6),
        ("targets[2]", "expression-name", 8),
        ("targets.first", "expression-type", 8),
        ("nothing.key", "expression-type", 8),
        ("targets[true]", "expression-type", 8),
        ("name[0]", "expression-type", 5),
        ("count < 'a'", "expression-type", 7),
        ("true < 2", "expression-type", 6),
        ("1 in 2", "expression-type", 3),
        ("[1] in steps", "expression-type", 5),
        ("len(3)", "expression-type", 1),
        ("all(name, true)", "expression-type", 1),
        ("1e999", "expression-limit", 1),
        ("9" * 40, "expression-limit", 1),
    ],
)
def test_an_error_names_its_code_and_column(
    source: str, code: str, column: int
) -> None:
    caught = error(source)

    assert (caught.code, caught.column) == (code, column)
    assert caught.source == source
    assert str(caught).startswith(f"column {column}: ")


def test_a_mistyped_name_gets_a_hint() -> None:
    assert error("cuont").hint == "did you mean 'count'?"
    assert error("steps.lnit").hint == "did you mean 'lint'?"
    assert "there is: count" in error("zzz").hint


@pytest.mark.parametrize(
    "source",
    [
        "x.a",
        "x[0]",
        "x['a']",
        "len(x)",
        "not x",
        "x and 1",
        "x == 1",
        "1 == x",
        "x == x",
        "x < 1",
        "x in [1]",
        "1 in x",
        "any(x, true)",
        "any([1], x)",
        "targets[x]",
    ],
)
def test_no_attribute_or_method_of_an_object_is_ever_used(source: str) -> None:
    assert error(source, x=Touchy()).code == "expression-type"


def test_an_object_passes_through_untouched() -> None:
    thing = Touchy()

    assert Template.parse("${x}").render({"x": thing}) is thing


def test_dunder_names_are_only_keys() -> None:
    assert error("name.__class__").code == "expression-type"
    assert error("steps.__class__").code == "expression-name"
    assert value("x.__class__", x={"__class__": 1}) == 1


# -- bounds -------------------------------------------------------------------


def ends_fast(source: str, **names: Any) -> ExpressionError:
    start = time.process_time()
    caught = error(source, **names)
    assert time.process_time() - start < 5
    return caught


@pytest.mark.parametrize(
    "source",
    [
        "(" * 1900,
        "[" * 1900,
        "not " * 450 + "1",
        "len(" * 450,
        "a[" * 900,
        "1 or " * 100_000 + "1",
        "'" + "a" * 1_000_000,
        "1" * 1_000_000,
        " " * 1_000_000 + "1",
        "\\" * 1900,
        "a." * 1_000_000,
        "-" * 1900,
    ],
)
def test_a_hostile_text_ends_fast(source: str) -> None:
    assert ends_fast(source).code in ("expression-limit", "expression-syntax")


def test_the_longest_path_is_walked_without_deep_recursion() -> None:
    deep: Any = 1
    for _ in range(990):
        deep = [deep]

    assert value("d" + "[0]" * 660, d=deep) is not None
    assert Expression.parse("d" + ".a" * 990).references[0].path[:2] == ("d", "a")


def test_nested_quantifiers_end_at_the_step_limit() -> None:
    wide = list(range(2_000))
    caught = ends_fast("any(w, any(wide, item == -1))", w=wide, wide=wide)

    assert caught.code == "expression-limit"
    assert str(STEP_LIMIT) in caught.message


def test_comparing_shared_structure_ends_at_the_step_limit() -> None:
    """A few lists that hold each other many times over are huge when compared."""

    def laughs() -> Any:
        level: Any = [1]
        for _ in range(40):
            level = [level, level]
        return level

    assert ends_fast("a == b", a=laughs(), b=laughs()).code == "expression-limit"


def test_comparing_a_list_that_holds_itself_ends() -> None:
    one: list[Any] = []
    one.append(one)
    two: list[Any] = []
    two.append(two)

    assert ends_fast("one == two", one=one, two=two).code == "expression-limit"


# -- against Python -----------------------------------------------------------

literals = st.one_of(
    st.integers(-(10**6), 10**6).map(repr),
    st.floats(allow_nan=False, allow_infinity=False, width=16).map(repr),
    st.text("ab'\"\\ ", max_size=4).map(repr),
    st.sampled_from(["True", "False", "None", "[]", "xs", "n", "s", "d"]),
    st.sampled_from(["d['k']", "xs[0]", "xs[-1]", "xs[7]", "d['no']", "len(xs)"]),
)
ORACLE: dict[str, Any] = {"xs": [1, 2, "a"], "n": 5, "s": "ab", "d": {"k": [1]}}


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operator = st.sampled_from(
        ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
    )
    return st.one_of(
        st.tuples(inner, operator, inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        inner.map(lambda text: f"not ({text})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    )


@given(st.recursive(literals, _combined, max_leaves=8))
def test_the_common_subset_means_what_it_means_in_python(source: str) -> None:
    """Where both give a value it is the same; where Python raises, so does ours.

    Ours is the stricter: it has no order of booleans and lists.
    """
    try:
        mine: Any = value(source, **ORACLE)
    except ExpressionError as caught:
        if caught.code in ("expression-type", "expression-limit"):
            return
        mine = LookupError
    try:
        theirs: Any = eval(source, {"__builtins__": {"len": len}}, dict(ORACLE))  # noqa: S307 - the oracle
    except (LookupError, TypeError):
        theirs = LookupError

    assert mine == theirs
    assert type(mine) is type(theirs)


data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(data, data)
def test_equality_is_pythons(one: Any, two: Any) -> None:
    assert value("a == b", a=one, b=two) == (one == two)
    assert value("a != b", a=one, b=two) == (one != two)


@given(st.text(max_size=200) | st.text("()[]'\"${}.,<>=!- \\naotrinl019_", max_size=60))
def test_no_text_raises_anything_but_an_expression_error(source: str) -> None:
    for read in (Expression.parse, Template.parse):
        with suppress(ExpressionError):
            assert isinstance(read(source).references, tuple)
    with suppress(ExpressionError):
        render(source, NAMES)
    with suppress(ExpressionError):
        Expression.parse(source).evaluate(NAMES)


# -- references ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("steps.a.value[0].x", [("steps", "a", "value", 0, "x")]),
        ("steps[inputs.name].value", [("steps",), ("inputs", "name")]),
        ("any(steps.a.values, item.x == inputs.y)", ["steps a values", "inputs y"]),
        ("any([1], item == item)", []),
        ("item.x", ["item x"]),
        ("a == 1 and not b or c in [d]", ["a", "b", "c", "d"]),
        ("len(a['b'])", ["a b"]),
        ("[1, 2][a]", ["a"]),
    ],
)
def test_the_paths_that_are_read_are_known_without_evaluating(
    source: str, paths: list[Any]
) -> None:
    expected = [tuple(p.split()) if isinstance(p, str) else p for p in paths]

    assert [ref.path for ref in Expression.parse(source).references] == expected


def test_a_reference_has_its_column() -> None:
    assert Expression.parse("1 == a.b").references == (Reference(("a", "b"), 6),)


# -- templates ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${count}", 3),
        ("${targets}", ["micropython", "arduino"]),
        ("n=${count}!", "n=3!"),
        ("${count}${count}", "33"),
        (" ${count}", " 3"),
        ("${yes}/${nothing}/${1.5}", "true/null/1.5"),
        ("$${count}", "${count}"),
        ("a $${b} ${name}", "a ${b} uno"),
        ("cost: $5", "cost: $5"),
        ("${'}'}", "}"),
        ("${steps['lint'].value.findings[0].rule}", "E1"),
    ],
)
def test_a_template_renders(source: str, expected: object) -> None:
    assert Template.parse(source).render(NAMES) == expected


def test_a_whole_template_gives_the_very_value() -> None:
    assert Template.parse("${targets}").render(NAMES) is NAMES["targets"]


def test_render_goes_through_lists_and_objects() -> None:
    asked = {"a": ["${count}", {"b": "x${name}"}], "c": b"${name}", "d": 1}

    assert render(asked, NAMES) == {"a": [3, {"b": "xuno"}], "c": b"${name}", "d": 1}


@pytest.mark.parametrize("source", ["${", "${}", "${count", "x ${count} ${1 +}"])
def test_a_broken_template_names_the_column(source: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Template.parse(source)

    assert caught.value.column > 2


def test_a_list_inside_text_is_an_error_with_the_way_out() -> None:
    with pytest.raises(ExpressionError) as caught:
        Template.parse("x${targets}").render(NAMES)

    assert "alone" in caught.value.hint


def test_templates_are_bounded() -> None:
    for source in ("x" * 70_000, "${1}" * 65):
        with pytest.raises(ExpressionError, match="at most"):
            Template.parse(source)
    with pytest.raises(ExpressionError, match="grows over"):
        Template.parse("${x}" * 20).render({"x": "a" * 100_000})


def test_a_value_to_render_is_bounded() -> None:
    itself: list[Any] = []
    itself.append(itself)
    for hostile in (itself, [[1] * 1_000] * 200):
        with pytest.raises(ExpressionError, match="to render"):
            render(hostile, NAMES)


def test_holds_reads_truth_as_python_does() -> None:
    for source, expected in (("empty", False), ("targets", True), ("nothing", False)):
        assert Expression.parse(source).holds(NAMES) is expected


def test_a_list_that_each_step_doubles_is_refused_before_it_is_spelled_out() -> None:
    value: Any = ["x"]
    for _ in range(18):
        value = render(["${a}", "${a}"], {"a": value})
    with pytest.raises(ExpressionError) as caught:
        render(["${a}", "${a}"], {"a": value})
    assert caught.value.code == "expression-limit"


def test_bytes_that_are_put_in_again_and_again_are_counted_each_time() -> None:
    blob = b"x" * (8 << 20)
    assert len(render(["${a}"] * 20, {"a": blob})) == 20
    with pytest.raises(ExpressionError) as caught:
        render(["${a}"] * 40, {"a": blob})
    assert caught.value.code == "expression-limit"
