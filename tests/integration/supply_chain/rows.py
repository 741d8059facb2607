"""A row of the table: one attack, and what became of it with one tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["TOOLS", "Outcome", "Part", "Row", "Tool", "Verdict"]

Tool = Literal["pip", "uv", "lockgate"]
TOOLS: tuple[Tool, ...] = ("pip", "uv", "lockgate")

Verdict = Literal["refused", "silent", "succeeded"]
"""Refused with an error; no error and no harm either; the attack succeeded."""


@dataclass(frozen=True)
class Outcome:
    """What one tool did: a verdict, and the words of its cell."""

    verdict: Verdict
    text: str

    def cell(self) -> str:
        """The cell in Markdown; a success of the attack stands out."""
        return f"**{self.text}**" if self.verdict == "succeeded" else self.text


@dataclass(frozen=True)
class Row:
    """One attack. A function runs it with one tool in an empty folder."""

    name: str
    code: str
    """The code with which lockgate refuses it."""
    runs: Mapping[Tool, Callable[[Path], Outcome]] = field(repr=False)
    slow: bool = False
    ours: str = "takes it from its own index"
    """What lockgate's cell says where it has no code."""


@dataclass(frozen=True)
class Part:
    """Rows with a heading and a sentence of their own."""

    title: str
    text: str
    rows: tuple[Row, ...]
