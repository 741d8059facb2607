"""The root of every error that lockgate raises on purpose: `lockgate.errors` has all.

Standard library only: imported wherever lockgate is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # 9 ms, and most commands raise nothing
    from lockgate.values import Data

__all__ = ["LockgateError", "did_you_mean"]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the known words nearest to `word`, or ``""``."""
    from difflib import get_close_matches  # 3 ms, and rarely needed

    near = get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


class LockgateError(Exception):
    """The root: catch it to catch everything that lockgate raises on purpose."""

    code: str = "lockgate-error"
    """Stable, kebab-case; what a script compares."""
    trace: str = ""
    """The id of the trace of the call that failed."""
    exit_status: ClassVar[int] = 1
    """How a command ends that this error ends."""
    remedy: ClassVar[str] = ""
    """The hint of a raise that gives none of its own."""

    def __init__(
        self, message: str = "", /, *, hint: str = "", where: str = "", **fields: Data
    ) -> None:
        super().__init__(message)
        self.hint = hint or self._remedy_for(fields)
        self.where = where
        self.fields: Mapping[str, Data] = fields
        self._message = message
        if self.hint:
            self.add_note(f"hint: {self.hint}")  # where nobody catches it (PEP 678)

    def _remedy_for(self, fields: Mapping[str, Data]) -> str:
        text = self.remedy
        for word, key in (("HOOK", "hook"), ("NAME", "plugin")):
            text = text.replace(word, str(fields.get(key) or word))
        return text

    @property
    def message(self) -> str:
        """What is wrong, in one sentence, without the place and the way out."""
        return self._text()

    def _text(self) -> str:
        return self._message or type(self).__name__

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def to_dict(self) -> dict[str, Data]:
        """The error as plain data, as ``--json`` prints it."""
        named = {"message": self.message, "where": self.where, "hint": self.hint}
        traced = {"trace": self.trace} if self.trace else {}
        return {"code": self.code, **named, **self.fields, **traced}
