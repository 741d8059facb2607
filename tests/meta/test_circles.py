"""No circular imports, not even lazy ones or ones for the type checker."""

from __future__ import annotations

import ast

import pytest

from tests.meta.workspace import Member, members, module_name, modules


def arrows(member: Member) -> dict[str, set[str]]:
    """For each module of `member`, the modules of it that it imports anywhere.

    A package's ``__init__`` is what importing the package by name means; that
    Python runs it before each of its modules is no arrow.
    """
    known = {module_name(member, path): path for path in modules(member)}
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        targets: set[str] = set()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= inner & known.keys() or {node.module}
        found[name] = (targets & known.keys()) - {name}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of `graph`, or nothing."""
    done: set[str] = set()

    def walk(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for target in sorted(graph[node]):
            if found := walk(target, [*trail, node]):
                return found
        done.add(node)
        return []

    for start in sorted(graph):
        if found := walk(start, []):
            return found
    return []


def part_of(name: str) -> str:
    """The part of a distribution that a module belongs to: a package, or itself."""
    return ".".join(name.split(".")[:2])


def parts_of(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The arrows between the parts of a distribution; its root has none."""
    found: dict[str, set[str]] = {}
    for name, targets in graph.items():
        others = {part_of(target) for target in targets if "." in target}
        found.setdefault(part_of(name), set()).update(others - {part_of(name)})
    return {name: found[name] for name in found if "." in name}


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)
def test_the_modules_of_a_distribution_form_no_circle(member: Member) -> None:
    assert circle(arrows(member)) == []


@pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)
def test_the_parts_of_a_distribution_form_no_circle(member: Member) -> None:
    assert circle(parts_of(arrows(member))) == []


def test_a_circle_of_parts_is_found() -> None:
    ends: dict[str, set[str]] = {"p.b.y": set(), "p.a.w": set()}
    modules = {"p.a.x": {"p.b.y"}, "p.b.z": {"p.a.w"}, **ends}

    assert circle(modules) == []
    assert circle(parts_of(modules)) == ["p.a", "p.b", "p.a"]
