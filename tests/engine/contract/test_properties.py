"""The check of source against its oracle: the functions themselves, really made."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._guest.impls import ImplError, checked_impl
from lockgate._specs.spec import specs
from lockgate.contract import check_impls
from lockgate.contract._types import Type, accepts
from lockgate.manifest import HookImpl, Manifest
from lockgate.plugin import hookimpl
from lockgate.values import Transformation, Tree

HOOKS = ("transform", "analyze", "generate", "read_device", "list_models")
NAMES = sorted({n for hook in HOOKS for n in specs()[hook].parameters} | {"wood", "x"})

parameter = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["plain", "default", "only", "only-default", "position"]),
)
signatures = st.lists(parameter, max_size=5, unique_by=lambda pair: pair[0])


def written(parameters: Sequence[tuple[str, str]], stars: tuple[bool, bool]) -> str:
    """The parameters as Python wants them ordered."""
    of = {kind: [n for n, k in parameters if k == kind] for _, kind in parameters}
    parts = [*of.get("position", [])]
    parts += ["/"] if parts else []
    parts += of.get("plain", [])
    parts += [f"{name}=1" for name in of.get("default", [])]
    keyword = [*of.get("only", []), *(f"{n}=1" for n in of.get("only-default", []))]
    if stars[0]:
        parts.append("*rest")
    elif keyword:
        parts.append("*")
    parts += keyword
    return ", ".join([*parts, *(["**more"] if stars[1] else [])])


def callable_as(hook: str, function: Callable[..., object], wrapper: bool) -> bool:
    """Whether a worker would take the function, and could call it."""
    spec = specs()[hook]
    try:
        checked_impl(spec, function, "f", "m:f", wrapper=wrapper)
    except ImplError:
        return False
    if inspect.isgeneratorfunction(function) is not wrapper:
        return False
    signature = inspect.signature(function)
    wants = {name: 0 for name in spec.parameters if name in signature.parameters}
    try:
        signature.bind(**wants)
    except TypeError:
        return False
    return True


def found(text: str, hook: str, *, wrapper: bool) -> tuple[str, ...]:
    impl = HookImpl(hook, "acme:impl", wrapper=wrapper)
    manifest = Manifest("acme", "A.", ("ai",), ">=1", "read-only", (impl,))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "acme.py").write_text(text)
        problems = check_impls(manifest, distribution="acme", roots=[folder])
    return tuple(problem.code for problem in problems)


@settings(max_examples=150)
@given(
    hook=st.sampled_from(HOOKS),
    parameters=signatures,
    stars=st.tuples(st.booleans(), st.booleans()),
    mark=st.sampled_from(
        ["", "@hookimpl\n", "@hookimpl(wrapper=True)\n", "@hookimpl(trylast=True)\n"]
        + [f"@hookimpl(specname={hook!r})\n" for hook in HOOKS]
    ),
    body=st.sampled_from(["return None", "yield", "return [(yield)]"]),
    wrapper=st.booleans(),
)
def test_source_is_judged_as_the_worker_judges_the_function(
    hook: str,
    parameters: list[tuple[str, str]],
    stars: tuple[bool, bool],
    mark: str,
    body: str,
    wrapper: bool,
) -> None:
    text = f"{mark}def impl({written(parameters, stars)}):\n    {body}\n"
    space: dict[str, Callable[..., object]] = {"hookimpl": hookimpl}
    exec(text, space)
    source = f"from lockgate.plugin import hookimpl\n{text}"

    codes = found(source, hook, wrapper=wrapper)

    assert (codes == ()) is callable_as(hook, space["impl"], wrapper), (codes, text)


@settings(max_examples=100)
@given(text=st.text(max_size=200))
def test_any_text_at_all_is_judged(text: str) -> None:
    source = text.encode("utf-8", "ignore").decode()

    assert isinstance(found(source, "transform", wrapper=False), tuple)


# -- types: what `accepts` claims is held against values -------------------------------

SAMPLES: Mapping[str, Sequence[object]] = {
    "bool": (True,),
    "int": (7, True),
    "float": (1.5, 7, True),
    "str": ("a",),
    "bytes": (b"a",),
    "None": (None,),
    "lockgate.Tree": (Tree(),),
    "lockgate.Transformation": (Transformation(Tree()),),
}
leaves = st.sampled_from([*map(Type, SAMPLES), Type("any"), Type("?")])


def around(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    return st.one_of(
        inner.map(lambda one: Type("tuple", (one, Type("...")))),
        inner.map(lambda one: Type("list", (one,))),
        inner.map(lambda one: Type("abc.Sequence", (one,))),
        inner.map(lambda one: Type("abc.Mapping", (Type("str"), one))),
        inner.map(lambda one: Type("dict", (Type("str"), one))),
        st.lists(inner, min_size=2, max_size=3).map(
            lambda parts: Type("|", tuple(p for p in parts if p.name != "|"))
        ),
    )


types = st.recursive(leaves, around, max_leaves=4)


def known(kind: Type) -> bool:
    return kind.name not in ("?", "any") and all(map(known, kind.args or ()))


def values_of(kind: Type) -> list[object]:
    """Some values of a known type, its extremes among them."""
    if kind.name in SAMPLES:
        return list(SAMPLES[kind.name])
    args = list(kind.args or ())
    if kind.name == "|":
        return [value for part in args for value in values_of(part)]
    if kind.name in ("abc.Mapping", "dict"):
        return [{}, *({"a": value} for value in values_of(args[1]))]
    inner = values_of(args[0])
    if kind.name == "tuple":
        return [(), *((value,) for value in inner)]
    return [[], *([value] for value in inner)]


def holds(kind: Type, value: object) -> bool:
    """Whether `value` is of a known type; a list does for a tuple."""
    args = list(kind.args or ())
    if kind.name in SAMPLES:
        return any(type(value) is type(one) for one in SAMPLES[kind.name])
    if kind.name == "|":
        return any(holds(part, value) for part in args)
    inside: Any = value
    if kind.name in ("abc.Mapping", "dict"):
        return isinstance(value, dict) and all(
            holds(args[1], one) for one in inside.values()
        )
    form = list if kind.name == "list" else (list, tuple)
    return isinstance(value, form) and all(holds(args[0], one) for one in inside)


@settings(max_examples=400)
@given(wide=types, narrow=types)
def test_a_yes_or_no_about_types_is_true_of_their_values(
    wide: Type, narrow: Type
) -> None:
    answer = accepts(wide, narrow)
    if answer is None or not (known(wide) and known(narrow)):
        return

    assert answer is all(holds(wide, value) for value in values_of(narrow))


@given(kind=types)
def test_every_type_accepts_itself(kind: Type) -> None:
    assert accepts(kind, kind) is not False
