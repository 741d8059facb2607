"""What each rule and each reason code means: ``knowledge.toml``, read once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["Entry", "entries", "look_up"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule or code in plain words."""

    id: str
    area: str
    what: str
    why: str
    fix: str


@cache
def entries() -> dict[str, Entry]:
    """Every entry by its id."""
    text = files("lockgate_assistant").joinpath("knowledge.toml").read_text("utf-8")
    return {
        code: Entry(code, area, *words)
        for area, table in tomllib.loads(text).items()
        for code, words in table.items()
    }


def look_up(code: str) -> Entry | None:
    """The entry of `code`, or None if it is unknown."""
    return entries().get(code)
