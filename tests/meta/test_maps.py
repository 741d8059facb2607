"""A package whose docstring is a map of its modules leaves none of them out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.meta.workspace import Member, members, modules

_MAP = 0.6
"""A docstring that names so many of a package's modules is a map of them."""


def inside(package: Path) -> set[str]:
    """The modules and packages that lie in a package."""
    found = {path.stem for path in package.glob("*.py")}
    found |= {path.parent.name for path in package.glob("*/__init__.py")}
    return found - {"__init__", "__main__"}


def left_out(docstring: str, present: set[str]) -> set[str]:
    """What a map does not name of what is `present`; nothing if it is no map."""
    named = set(re.findall(r"`(?:\w+\.)*(\w+)`", docstring)) & present
    return present - named if len(named) > _MAP * len(present) else set()


@pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)
def test_a_map_names_each_module(member: Member) -> None:
    missing = {
        str(path.parent.relative_to(member.source.parent)): sorted(names)
        for path in modules(member)
        if path.name == "__init__.py"
        if (docstring := ast.get_docstring(ast.parse(path.read_bytes())))
        if (names := left_out(docstring, inside(path.parent)))
    }

    assert missing == {}


def test_a_map_is_told_from_a_sentence() -> None:
    assert left_out("Reads: `a.one` over `two`.", {"one", "two", "six"}) == {"six"}
    assert left_out("Like `one`.", {"one", "two", "six"}) == set()
