"""What docstrings and comments of ours name in single backticks is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.meta.workspace import Member, members, module_name, modules

_NAMED = re.compile(r"(?<!`)`(lockgate\w*(?:\.\w+)+)(?:\([^`]*\))?`(?!`)")
"""A dotted name in single backticks; double ones are for what is no name of Python."""


@cache
def known() -> dict[str, Path]:
    """Each module of the workspace, by its dotted name."""
    return {module_name(m, path): path for m in members() for path in modules(m)}


def is_there(name: str) -> bool:
    """Whether `name` is a module, or what is behind a module's name stands in it."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        path = known().get(".".join(parts[:end]))
        if path is not None:
            text = path.read_text("utf-8")
            return all(re.search(rf"\b{part}\b", text) for part in parts[end : end + 1])
    return False


@pytest.mark.parametrize("member", members(), ids=lambda m: m.distribution)
def test_what_is_named_is_there(member: Member) -> None:
    missing = {
        (module_name(member, path), name)
        for path in modules(member)
        for name in _NAMED.findall(path.read_text("utf-8"))
        if not is_there(name)
    }

    assert missing == set()


def test_what_is_not_there_is_found() -> None:
    text = "`lockgate.plugin.Context`, ``lockgate.toml``, `lockgate.gone`, `Gone`"

    assert [is_there(name) for name in _NAMED.findall(text)] == [True, False]
