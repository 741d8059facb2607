"""`Problem`: what is wrong with an impl, as a value; and every code there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

__all__ = ["CODES", "Problem"]

CODES: Mapping[str, str] = MappingProxyType(
    {
        "hook-unknown": "A function is marked for a hook that there is not.",
        "module-missing": "The manifest names a module that the plugin has not.",
        "source-invalid": "A module can't be read, or is no Python of this version.",
        "impl-missing": "The module has no function of that name.",
        "impl-twice": "A hook has two impls, or a name two functions; one is lost.",
        "impl-unmarked": "The function is not marked with `@hookimpl`.",
        "impl-mark": "`@hookimpl` is given an option that it does not take.",
        "impl-mismatch": "The function is marked for something else.",
        "impl-arguments": "The function can't be called with what the hook gives.",
        "impl-form": "The function is of a form that the hook can't be answered in.",
        "impl-annotation": "A type in the signature contradicts the hook's spec.",
    }
)
"""Each code of a `Problem`, and what it means."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; 0 is the file as a whole."""

    code: str
    message: str
    hint: str
    distribution: str
    file: str
    line: int = 0
    hook: str = ""

    @property
    def where(self) -> str:
        """The place: file and line."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.distribution}: {self.where}: {self.message}"

    def to_dict(self) -> dict[str, str | int]:
        """The problem as plain data, as ``--json`` prints it."""
        return asdict(self)
