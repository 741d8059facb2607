"""What a project declares that it needs: ``requires = ["acme>=1.2", ...]``.

Each word is a requirement as PEP 508 writes it: a plugin's distribution and which
versions do. (Not the plugin's name: what an installer is told to fetch must be what
was meant.) Nothing is fetched; what is installed is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lockgate.discovery._scan import normalised
from lockgate.errors import ConfigError, ProjectRequiresError

if TYPE_CHECKING:
    from lockgate.config import Config
    from lockgate.discovery import PluginState

__all__ = ["check_requires"]


def _missing(
    requires: Sequence[str], states: Iterable[PluginState], *, source: str = ""
) -> list[tuple[str, str]]:
    """Each requirement that is not met, and what there is instead.

    Raises:
        ConfigError: If a word is no requirement.
    """
    if not requires:
        return []
    from packaging.requirements import InvalidRequirement, Requirement

    found: dict[str, list[PluginState]] = {}
    for state in states:
        found.setdefault(normalised(state.distribution), []).append(state)
    missing: list[tuple[str, str]] = []
    for word in requires:
        try:
            wanted = Requirement(word)
        except InvalidRequirement as error:
            first = str(error).partition("\n")[0]
            raise ConfigError(
                f"{word!r} is no requirement: {first}", key="requires", source=source
            ) from None
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        there = found.get(normalised(wanted.name), [])
        if not any(
            state.usable and wanted.specifier.contains(state.version, prereleases=True)
            for state in there
        ):
            missing.append((word, _instead(there)))
    return missing


def _instead(there: Sequence[PluginState]) -> str:
    if not there:
        return "not installed"
    first = there[0]
    version = first.version or "an unknown version"
    return version if first.usable else f"{version}, {first.state}"


def check_requires(config: Config, states: Iterable[PluginState]) -> None:
    """Hold what is installed against what the settings require.

    Raises:
        ProjectRequiresError: If something is missing.
        ConfigError: If a word of the setting is no requirement.
    """
    source = config.origin("requires")
    missing = _missing(config.requires, states, source=source)
    if missing:
        raise ProjectRequiresError(dict(missing), source=source)
