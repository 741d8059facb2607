"""What may be used: the machine it is for, and what its owner decided."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from packaging.markers import default_environment
from packaging.tags import Tag, sys_tags

from lockgate.hookspecs import HOOK_API_VERSION
from lockgate_marketplace.levels import Level

__all__ = ["Policy"]


@cache
def _ranks() -> Mapping[Tag, int]:
    return {tag: rank for rank, tag in enumerate(sys_tags())}


@dataclass(frozen=True, slots=True)
class Policy:
    """By what candidates are judged. `Policy.running()` is for this Python."""

    ranks: Mapping[Tag, int] = field(repr=False)
    """The tags that this Python takes; the lowest rank is the best."""
    python: str
    environment: Mapping[str, str] = field(repr=False)
    """What markers are evaluated with (PEP 508)."""
    now: datetime
    cooldown: timedelta | None = None
    """Goes before every other cooldown, if it is set."""
    cooldowns: Mapping[str, timedelta] = field(default_factory=dict[str, timedelta])
    """By name; goes before the index's, unless that is required."""
    cooldown_level: Level = "stop"
    """What becomes of a file that is too young: ``off`` and ``note`` let it pass."""
    prereleases: frozenset[str] = frozenset()
    """Names whose pre-releases may be used; ``*`` stands for all."""
    hook_api: str = HOOK_API_VERSION
    locked: Mapping[str, str] = field(default_factory=dict[str, str])
    """Versions that are kept where they still fit, by name."""
    known: frozenset[str] = frozenset()
    """Names that are installed or locked: those may be like others'."""
    right_names: frozenset[str] = frozenset()
    """Names that the owner vouches for."""
    provided: Mapping[str, str] = field(default_factory=dict[str, str])
    """Distributions that the host hands to every plugin, with their versions: they
    come from no index."""
    rounds: int = 5000

    @classmethod
    def running(
        cls,
        *,
        now: datetime | None = None,
        cooldown: timedelta | None = None,
        cooldowns: Mapping[str, timedelta] | None = None,
        cooldown_level: Level = "stop",
        prereleases: frozenset[str] = frozenset(),
        locked: Mapping[str, str] | None = None,
        known: frozenset[str] = frozenset(),
        right_names: frozenset[str] = frozenset(),
        provided: Mapping[str, str] | None = None,
    ) -> Policy:
        """For the Python that runs this, now."""
        environment = {k: str(v) for k, v in default_environment().items()}
        return cls(
            _ranks(),
            platform.python_version(),
            environment,
            now or datetime.now(UTC),
            cooldown,
            cooldowns or {},
            cooldown_level,
            prereleases,
            locked=locked or {},
            known=known,
            right_names=right_names,
            provided=provided or {},
        )

    def takes_prereleases(self, name: str) -> bool:
        """Whether pre-releases of `name` may be used."""
        return "*" in self.prereleases or name in self.prereleases

    def cooldown_for(self, name: str, of_index: timedelta) -> timedelta:
        """How old a file of `name` must be; zero if that is not looked at."""
        if self.cooldown_level == "off":
            return timedelta()
        if self.cooldown is not None:
            return self.cooldown
        if self.cooldown_level == "required":
            return of_index
        return self.cooldowns.get(name, of_index)
