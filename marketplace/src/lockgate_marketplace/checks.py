"""What ``lockgate doctor`` is told: are the indexes fit, and the checks firm?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lockgate.errors import ConfigError
from lockgate.values import Data
from lockgate_marketplace.errors import SourceError
from lockgate_marketplace.levels import CHECKS, Levels
from lockgate_marketplace.sources import Index, Sources

__all__ = ["Check", "check_indexes", "check_levels"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of ``lockgate doctor``."""

    name: str
    state: Literal["ok", "warning", "problem"]
    message: str
    hint: str = ""


_INDEX = "marketplace.index"


def check_indexes(settings: Mapping[str, Data]) -> tuple[Check, ...]:
    """Judge the settings of all indexes, without connecting to any."""
    try:
        sources = Sources.from_settings(settings)
    except SourceError as error:
        return (
            Check(_INDEX, "problem", f"{error.where}: {error.message}", error.hint),
        )
    if not sources.indexes:
        message = "no index is configured: `lockgate install` takes files of wheels"
        return (Check(_INDEX, "ok", message),)
    return tuple(_check_index(index) for index in sources.indexes.values())


def _check_index(index: Index) -> Check:
    said = f"{index.name}: plugins come from {index.origin[1]}"
    if index.insecure:
        hint = "take `insecure` away as soon as the index has https"
        return Check(_INDEX, "warning", f"{said}, even without TLS", hint)
    if index.unhashed:
        hint = "take `unhashed` away as soon as the index gives hashes"
        return Check(_INDEX, "warning", f"{said}, which gives no hashes", hint)
    return Check(_INDEX, "ok", said)


def check_levels(settings: Mapping[str, Data]) -> tuple[Check, ...]:
    """Whether each check of a plugin stops at what it finds; silent if all do."""
    name = "marketplace.checks"
    try:
        levels = Levels.from_settings(settings)
    except ConfigError as error:
        return (Check(name, "problem", f"{error.key}: {error.message}", error.hint),)
    weak = levels.weakened()
    if not weak:
        return ()
    said = "; ".join(f"{CHECKS[check]} ({levels.of(check)})" for check in weak)
    hint = f"take {', '.join(weak)} out of [plugins.marketplace.checks]"
    return (Check(name, "warning", f"plugins are installed though {said}", hint),)
