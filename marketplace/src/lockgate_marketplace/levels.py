"""How firmly each check of a plugin holds: its owner's settings, and a word said once.

::

    levels = Levels.from_settings(config.for_plugin("marketplace"))
    levels = levels.without("load")                  # one command's flag
    if levels.made("load") and found and levels.stops("load"):
        raise …

The wheel gate has no level: it always holds. A project's file can set none of this
(decision 0033): it may not configure the trusted base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeAlias, cast, get_args

from lockgate.errors import ConfigError
from lockgate.values import Data

__all__ = ["CHECKS", "CheckName", "Level", "Levels"]

CheckName: TypeAlias = Literal[
    "undeclared", "opaque", "contract", "load", "cooldown", "proof"
]
Level: TypeAlias = Literal["off", "note", "stop", "required"]
"""``off``: not made. ``note``: what it finds is told. ``stop``: what it finds stops, as
does that it can't be made, unless a flag takes it back for once. ``required``: as
``stop``, and no flag takes it back."""

CHECKS: Mapping[CheckName, str] = MappingProxyType(
    {
        "undeclared": "the source does what the manifest does not ask for",
        "opaque": "some of the source can't be read",
        "contract": "its functions do not fit the hooks",
        "load": "it does not load in a sealed worker without a right",
        "cooldown": "it was uploaded only just now",
        "proof": "nothing proves who made it",
    }
)
"""Each check, and what it stops at. All begin at ``stop``, but `proof` at ``off``."""

_BEGIN: Mapping[CheckName, Level] = MappingProxyType({"proof": "off"})

_KEY = "plugins.marketplace.checks"


@dataclass(frozen=True, slots=True)
class Levels:
    """The level of each check; what is not named is where it begins."""

    given: Mapping[CheckName, Level] = field(default_factory=dict[CheckName, Level])

    @classmethod
    def from_settings(cls, settings: Mapping[str, Data]) -> Levels:
        """The levels that the marketplace's settings give, under ``checks``.

        Raises:
            ConfigError: If they name what is no check, or no level.
        """
        table = settings.get("checks", {})
        if not isinstance(table, Mapping):
            raise ConfigError("it must be a table", key=_KEY)
        for name, level in table.items():
            if name not in CHECKS:
                known = ", ".join(CHECKS)
                message = "there is no check of this name"
                hint = f"The checks are {known}."
                raise ConfigError(message, key=f"{_KEY}.{name}", hint=hint)
            if level not in get_args(Level):
                known = ", ".join(get_args(Level))
                message, hint = f"{level!r:.40} is no level", f"The levels are {known}."
                raise ConfigError(message, key=f"{_KEY}.{name}", hint=hint)
        return cls(cast("Mapping[CheckName, Level]", dict(table)))

    def of(self, check: CheckName) -> Level:
        """The level of one check."""
        return self.given.get(check, _BEGIN.get(check, "stop"))

    def weakened(self) -> list[CheckName]:
        """Those that stop where nothing is said, and do not here."""
        bare = Levels()
        return [one for one in CHECKS if bare.stops(one) and not self.stops(one)]

    def made(self, check: CheckName) -> bool:
        """Whether it is made at all."""
        return self.of(check) != "off"

    def stops(self, check: CheckName) -> bool:
        """Whether what it finds stops."""
        return self.of(check) in ("stop", "required")

    def noting(self, check: CheckName) -> Levels:
        """These, but that what `check` finds is only told this once."""
        return self._with(check, "note") if self.of(check) == "stop" else self

    def without(self, check: CheckName) -> Levels:
        """These, but that `check` is not made this once."""
        return self if self.of(check) == "required" else self._with(check, "off")

    def _with(self, check: CheckName, level: Level) -> Levels:
        return replace(self, given={**self.given, check: level})
