"""An added kind as frozen values, as a manifest states it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lockgate._hook.api import Life

__all__ = ["AddedHook", "AddedKind"]

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddedHook:
    """One hook: `arguments` maps a name to its JSON Schema, in the spec's order.

    Of a `stream`, `answer` is one item. `since` and the others are versions of the
    kind (`Life`).
    """

    name: str
    answer: Schema
    arguments: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    doc: str = ""
    firstresult: bool = False
    stream: bool = False
    historic: bool = False
    timeout_seconds: float = 60.0
    failure: Literal["fail", "collect", "skip"] = "fail"
    since: str = "1.0"
    deprecated: str = ""
    instead: str = ""
    removed: str = ""

    @property
    def life(self) -> Life:
        """The kind's versions in which the hook is there."""
        return Life(self.since, self.deprecated, self.instead, self.removed)


@dataclass(frozen=True, slots=True)
class AddedKind:
    """One kind: `defs` are the schemas that ``#/$defs/NAME`` points to.

    `version` is that of its hooks as a whole: what `AddedHook.since` counts.
    """

    name: str
    hooks: tuple[AddedHook, ...]
    about: str = ""
    version: str = "1.0"
    defs: Mapping[str, Schema] = field(default_factory=dict[str, Schema])

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> AddedKind:
        """Rebuild what `dataclasses.asdict` gave."""
        fields: dict[str, Any] = dict(data)
        fields["hooks"] = tuple(AddedHook(**hook) for hook in fields["hooks"])
        return cls(**fields)
