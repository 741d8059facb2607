"""Who is asked first: by pluggy's order, the manifests', the owner's."""

from __future__ import annotations

from typing import Literal

import pluggy
from hypothesis import given
from hypothesis import strategies as st

from lockgate._manifest.value import HookImpl
from lockgate._order.line import arrange, cycle_of, edges_of
from lockgate.config import HookOrder

Wish = Literal["first", "last", ""]
NAMES = ("a", "b", "c", "d", "e")
WISHES = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["first", "last", ""]), min_size=1
)
SOME = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)


def impl(
    order: Wish = "", *, before: tuple[str, ...] = (), after: tuple[str, ...] = ()
) -> HookImpl:
    return HookImpl("ask", "m:f", order, before=before, after=after)


def names(impls: dict[str, HookImpl], owner: HookOrder | None = None) -> list[str]:
    return [place.plugin for place in arrange(impls, owner or HookOrder())]


def as_pluggy_asks(wishes: dict[str, Wish]) -> list[str]:
    """The order in which pluggy itself calls them, registered from the last name on."""
    manager = pluggy.PluginManager("order")
    spec, mark = pluggy.HookspecMarker("order"), pluggy.HookimplMarker("order")

    class Spec:
        @spec
        def ask(self) -> None: ...

    manager.add_hookspecs(Spec)
    for name in sorted(wishes, reverse=True):

        class Impl:
            said = name

            @mark(tryfirst=wishes[name] == "first", trylast=wishes[name] == "last")
            def ask(self) -> str:
                return self.said

        manager.register(Impl(), name)
    asked: list[str] = manager.hook.ask()
    return asked


@given(WISHES)
def test_without_relations_it_is_pluggys_order(wishes: dict[str, Wish]) -> None:
    assert names({n: impl(wish) for n, wish in wishes.items()}) == as_pluggy_asks(
        wishes
    )


@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(SOME, SOME), min_size=1))
def test_every_wish_is_kept_unless_they_make_a_cycle(
    wishes: dict[str, tuple[tuple[str, ...], tuple[str, ...]]],
) -> None:
    impls = {n: impl(before=b, after=a) for n, (b, a) in wishes.items()}
    edges = edges_of(impls)
    order = names(impls)

    assert sorted(order) == sorted(impls)
    cycle = cycle_of(edges)
    if cycle:
        assert [e.then for e in cycle] == [
            *(e.first for e in cycle[1:]),
            cycle[0].first,
        ]
    else:
        assert all(order.index(e.first) < order.index(e.then) for e in edges)


def test_nobody_moves_who_need_not() -> None:
    impls = {n: impl() for n in NAMES} | {"b": impl(after=("d",))}

    assert names(impls) == ["a", "c", "d", "b", "e"]


def test_a_relation_outweighs_first_and_last() -> None:
    assert names({"a": impl("first", after=("b",)), "b": impl("last")}) == ["b", "a"]


def test_who_is_not_there_is_no_obstacle() -> None:
    assert names({"a": impl(after=("gone",)), "b": impl()}) == ["a", "b"]


def test_the_owner_decides_over_all_of_it() -> None:
    impls = {"a": impl("first"), "b": impl(before=("c",)), "c": impl(), "d": impl()}

    assert names(impls, HookOrder(order=("c", "b"), disable=("d",))) == ["c", "b", "a"]


def test_the_owners_order_leaves_no_cycle() -> None:
    impls = {"a": impl(before=("b",)), "b": impl(before=("a",))}

    assert cycle_of(edges_of(impls))
    assert not cycle_of(edges_of(impls, HookOrder(order=("b",))))
    assert names(impls, HookOrder(order=("b",))) == ["b", "a"]


def test_the_order_says_why() -> None:
    places = arrange(
        {"a": impl("last", after=("b",)), "b": impl(), "c": impl()},
        HookOrder(order=("c",)),
    )

    assert [(p.plugin, p.why) for p in places] == [
        ("c", "the owner's order"),
        ("b", "by name"),
        ("a", "asks to be last, after b"),
    ]
