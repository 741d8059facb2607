"""The version of the hook API, and what versions mean for a hook.

Imported where it must cost nothing to know them: standard library, no `re`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["ALWAYS", "HOOK_API_VERSION", "Life", "Stage", "numbers"]

HOOK_API_VERSION = "1.1"
"""What a manifest's ``hook-api`` range is held against."""

Stage: TypeAlias = Literal["future", "current", "deprecated", "removed"]

_PARTS = 3


def numbers(version: str) -> tuple[int, ...]:
    """A version as what is compared: ``1.10`` is above ``1.9``, ``1`` is ``1.0``.

    Raises:
        ValueError: If it is no one to three numbers with dots between.
    """
    parts = version.split(".")
    if len(parts) > _PARTS or not all(p.isdecimal() and p.isascii() for p in parts):
        message = f"{version[:40]!r} is no version like '1.2'"
        raise ValueError(message)
    return tuple(map(int, (*parts, "0", "0")))[:_PARTS]


@dataclass(frozen=True, slots=True)
class Life:
    """The versions of an API in which one hook is there.

    It came with `since`, is `deprecated` from a version on (then `instead` names
    what takes its place), and is gone from `removed` on. Empty: not so far.
    """

    since: str = "1.0"
    deprecated: str = ""
    instead: str = ""
    removed: str = ""

    def __post_init__(self) -> None:
        steps = [numbers(v) for v in (self.since, self.deprecated, self.removed) if v]
        if steps != sorted(steps):
            message = "a hook comes, is deprecated and is removed in this order"
            raise ValueError(message)

    def at(self, api: str) -> Stage:
        """Where the hook stands in version `api`."""
        now = numbers(api)
        if now < numbers(self.since):
            return "future"
        if self.removed and now >= numbers(self.removed):
            return "removed"
        if self.deprecated and now >= numbers(self.deprecated):
            return "deprecated"
        return "current"

    @property
    def advice(self) -> str:
        """What is said of a deprecated hook."""
        text = f"deprecated since {self.deprecated}"
        if self.removed:
            text += f", removed in {self.removed}"
        return f"{text}; use {self.instead}" if self.instead else text


ALWAYS = Life()
"""There from the first version on, with no end in sight."""
