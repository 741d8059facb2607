"""In which order the plugins that answer a hook are asked, and why.

pluggy's order first: of two without a wish the one whose name comes first, then
``first`` and ``last``. Over it the manifests' ``before`` and ``after``, kept stably:
nobody moves who need not. The owner's own order (`HookOrder`) wins over all of it.
Wrappers are ordered among themselves, outermost first.

Standard library only: ``lockgate hooks`` and discovery ask here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lockgate._manifest.value import HookImpl
from lockgate._order.words import HookOrder

__all__ = ["Edge", "Place", "arrange", "cycle_of", "edges_of"]

_NO_ORDER = HookOrder()

Impls = Mapping[str, HookImpl]
"""The impls of one hook that are ordered among each other, by plugin."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`first` is asked before `then`, because `plugin` says so under `key`."""

    first: str
    then: str
    plugin: str
    key: Literal["before", "after"]

    def __str__(self) -> str:
        other = self.then if self.key == "before" else self.first
        return f"{self.plugin} {self.key} {other}"


@dataclass(frozen=True, slots=True)
class Place:
    """One plugin's place in the order, and what brought it there."""

    plugin: str
    why: str


def edges_of(impls: Impls, owner: HookOrder = _NO_ORDER) -> list[Edge]:
    """What the manifests ask for. Between plugins that the owner orders: nothing."""
    edges: list[Edge] = []
    for name, impl in impls.items():
        edges += [Edge(name, other, name, "before") for other in impl.before]
        edges += [Edge(other, name, name, "after") for other in impl.after]
    ruled = frozenset(owner.order)
    return [
        edge
        for edge in edges
        if edge.first in impls
        and edge.then in impls
        and not {edge.first, edge.then} & ruled
    ]


def cycle_of(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """A shortest cycle of `edges`, beginning with its first plugin by name; or none."""
    following: dict[str, list[Edge]] = {}
    for edge in edges:
        following.setdefault(edge.first, []).append(edge)
    found: tuple[Edge, ...] = ()
    for start in sorted(following):
        way = _way_back(start, following)
        if way and (not found or len(way) < len(found)):
            found = way
    return found


def _way_back(start: str, following: Mapping[str, Sequence[Edge]]) -> tuple[Edge, ...]:
    """The shortest way from `start` to itself, found breadth first."""
    ways: list[tuple[Edge, ...]] = [()]
    seen: set[str] = set()
    for way in ways:
        at = way[-1].then if way else start
        if way and at == start:
            return way
        if at in seen:
            continue
        seen.add(at)
        ways += [(*way, edge) for edge in following.get(at, ())]
    return ()


def arrange(impls: Impls, owner: HookOrder = _NO_ORDER) -> tuple[Place, ...]:
    """The order in which `impls` are asked; whom the owner disabled is left out."""
    asked = {n: impl for n, impl in impls.items() if n not in owner.disable}
    ruled = [name for name in owner.order if name in asked]
    rest = _by_pluggy({n: impl for n, impl in asked.items() if n not in ruled})
    placed = [Place(name, "the owner's order") for name in ruled]
    placed += [
        Place(name, _why(asked[name])) for name in _sorted(rest, edges_of(asked, owner))
    ]
    return tuple(placed)


def _by_pluggy(impls: Impls) -> list[str]:
    """Pluggy's order of plugins that were registered from the last name to the first.

    (`tests.engine.dispatch.test_order` holds it to pluggy itself.)
    """
    groups: dict[str, list[str]] = {"first": [], "": [], "last": []}
    for name in sorted(impls):
        groups[impls[name].order].append(name)
    return [*groups["first"], *groups[""], *reversed(groups["last"])]


def _sorted(names: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """`names`, moved as little as `edges` allow."""
    waiting, placed = list(names), list[str]()
    while waiting:
        held = {edge.then for edge in edges if edge.first in waiting}
        # A cycle has no right order; discovery has put its plugins out of use.
        name = next((name for name in waiting if name not in held), waiting[0])
        waiting.remove(name)
        placed.append(name)
    return placed


def _why(impl: HookImpl) -> str:
    """The wishes that a manifest has, as words."""
    parts = [f"asks to be {impl.order}"] if impl.order else []
    parts += [f"before {other}" for other in impl.before]
    parts += [f"after {other}" for other in impl.after]
    return ", ".join(parts) or "by name"
