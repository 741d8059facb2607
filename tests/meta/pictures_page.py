"""``docs/explanation/pictures.md`` is made from imports and manifests, by this module.

``python -m tests.meta.pictures_page`` writes it; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.meta.test_circles import arrows
from tests.meta.workspace import Member, imports, members, modules, table

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "pictures.md"

_HEAD = """\
# The architecture in pictures

Made from the imports in the code and from the plugins' manifests by
`python -m tests.meta.pictures_page`; do not edit. What the parts are for is told in
[Architecture](architecture.md).
"""

STREET = (
    "discovery",
    "manifest",
    "grants",
    "contract",
    "_rights",
    "_sealed",
    "_dispatch",
    "_call",
    "_seating",
    "_host",
    "cli",
    "project",
    "testing",
)
"""The parts of the engine that the picture shows, in the order of a call's way."""


def _mermaid(lines: Iterable[str]) -> str:
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```", ""])


def _identifier(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").strip("_")


def _distributions() -> Iterator[str]:
    """An arrow for each distribution that imports another."""
    packages = {member.package: member for member in members()}
    for member in members():
        yield f"  {_identifier(member.distribution)}[{member.distribution}]"
    for member in members():
        used = {
            name.partition(".")[0]
            for path in modules(member)
            for _, name in imports(path)
        }
        for package in sorted((used & packages.keys()) - {member.package}):
            other = packages[package].distribution
            yield f"  {_identifier(member.distribution)} --> {_identifier(other)}"


def _engine() -> Member:
    return next(member for member in members() if member.distribution == "lockgate")


def _street() -> Iterator[str]:
    """The engine's parts; an arrow where one imports another, over whatever way."""
    graph = arrows(_engine())
    parts = {name: _modules_of(name, graph) for name in STREET}
    for name in STREET:
        yield f'  {_identifier(name)}["{name}"]'
    shown = {name for names in parts.values() for name in names}
    edges = {
        name: {
            other
            for other in STREET
            if other != name and parts[other] & _reached(graph, parts[name], shown)
        }
        for name in STREET
    }
    for name in STREET:
        for other in STREET:
            if other in edges[name] and not _by_way(edges, name, other):
                yield f"  {_identifier(name)} --> {_identifier(other)}"


def _by_way(edges: dict[str, set[str]], name: str, other: str) -> bool:
    """Whether a third part leads from one to the other: the arrow says nothing new."""
    return any(
        other in edges[third] and third not in edges[other]
        for third in edges[name] - {other}
    )


def _modules_of(part: str, graph: dict[str, set[str]]) -> set[str]:
    whole = f"lockgate.{part}"
    return {name for name in graph if name == whole or name.startswith(f"{whole}.")}


def _reached(graph: dict[str, set[str]], start: set[str], shown: set[str]) -> set[str]:
    """What `start` imports, through modules that the picture does not show."""
    found: set[str] = set()
    waiting = [target for name in start for target in graph[name]]
    while waiting:
        name = waiting.pop()
        if name in found or name in start:
            continue
        found.add(name)
        if name not in shown:
            waiting.extend(graph[name])
    return found


def _plugins() -> Iterator[str]:
    """Each plugin with the kinds and hooks that its manifest names."""
    for member in members():
        if not member.is_plugin or not (member.source / "lockgate.toml").is_file():
            continue
        manifest = table(member.source / "lockgate.toml")
        name = manifest["name"]
        yield f'  {_identifier(name)}["{name}<br>tier {manifest["tier"]}"]'
        for hook in manifest.get("hooks", {}):
            yield f"  {hook}([{hook}]) --> {_identifier(name)}"


def render() -> str:
    """The page."""
    parts = [
        _HEAD,
        "## Distributions\n",
        "An arrow says: imports. Nothing knows a plugin.\n",
        _mermaid(_distributions()),
        "## Inside the engine\n",
        "An arrow says: imports, over whatever way; what others imply is left out.\n",
        _mermaid(_street()),
        "## Hooks and the plugins that answer them\n",
        _mermaid(_plugins()),
    ]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
