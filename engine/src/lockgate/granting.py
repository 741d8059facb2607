"""What each plugin's owner granted, read and written where the settings say it is kept.

`lockgate.grants` says what a grant means; this is the owner's word itself, for whoever
shows it, asks for it, or writes it down on the owner's behalf. The functions import
what they need themselves: ``lockgate list`` asks for the tier of each plugin, and
mostly nothing has to be read for that.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lockgate._manifest.tiers import FREE_TIERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from lockgate.config import Config
    from lockgate.discovery import PluginState
    from lockgate.grants import Consent, Grant

__all__ = [
    "consent_now",
    "effective_tier",
    "grant_exactly",
    "grant_now",
    "grant_of",
    "writers_of",
]


def grant_now(
    state: PluginState,
    config: Config,
    keys: Collection[str],
    *,
    any_version: bool | None = None,
) -> None:
    """Write down the owner's consent: `state`, as it is now, has the rights `keys`.

    What an earlier version was granted stays where it still asks for the very same.
    `any_version` None keeps what was said before about versions to come.

    Raises:
        GrantsError: If the grants file can't be read or written.
        PluginUnavailableError: If the plugin's files can't be read.
        ValueError: If it has no manifest, or does not ask for one of them.
    """
    from pathlib import Path

    from lockgate._rights.file import GrantsFile
    from lockgate._seating.seats import identity_of
    from lockgate.grants import rights_asked

    asked = rights_asked(state.manifest) if state.manifest is not None else ()
    if not {right.key for right in asked}.issuperset(keys):
        message = f"{state.name} does not ask for all of {sorted(keys)}"
        raise ValueError(message)
    GrantsFile(Path(config.grants_file)).grant(
        identity_of(state), asked, frozenset(keys), any_version=any_version
    )


def grant_exactly(
    agreed: Sequence[tuple[PluginState, Mapping[str, str]]],
    config: Config,
    was: Mapping[str, Grant | None],
) -> None:
    """Write down the owner's consent to several plugins at once, and nothing else.

    Each right is given by its owner (``""``), or by the consent policy that is named
    (`Grant.by`); what a policy gives stands in the plugin's log as well. `was` are the
    grants (`grant_of`) that they were asked by. Whoever holds the store too takes its
    lock first, and this file's within.

    Raises:
        GrantsError: If those are not the grants any more, or can't be written.
        PluginUnavailableError: If a plugin's files can't be read.
    """
    from pathlib import Path

    from lockgate._rights.file import GrantsFile
    from lockgate._seating.seats import identity_of
    from lockgate.grants import rights_asked

    rows = [
        (
            identity_of(state),
            rights_asked(state.manifest) if state.manifest is not None else (),
            given,
        )
        for state, given in agreed
    ]
    GrantsFile(Path(config.grants_file)).grant_exactly(rows, was)
    _record(agreed, config)


def _record(
    agreed: Sequence[tuple[PluginState, Mapping[str, str]]], config: Config
) -> None:
    """Tell the logs what was granted without anybody being asked."""
    from lockgate._record.audit import AuditRecord
    from lockgate._record.logbook import Logbook

    book = Logbook(config.state_dir)
    for state, given in agreed:
        for key, by in sorted(given.items()):
            if by:
                book.decided(
                    AuditRecord(
                        "grant",
                        state.name,
                        state.version,
                        allowed=True,
                        right=key,
                        detail=f"by the {by}",
                    )
                )


def writers_of(path: str, config: Config) -> tuple[str, ...]:
    """The plugins that a grant lets write to `path`, or to a folder above it.

    Raises:
        GrantsError: If the grants file can't be read.
    """
    from pathlib import Path

    from lockgate._rights.file import GrantsFile
    from lockgate._rights.places import write_folders

    place = Path(os.path.realpath(path))
    grants = GrantsFile(Path(config.grants_file)).read()
    return tuple(
        plugin
        for plugin, folders in sorted(write_folders(grants).items())
        if any(place.is_relative_to(os.path.realpath(one)) for one in folders)
    )


def grant_of(plugin: str, config: Config) -> Grant | None:
    """The owner's word about a plugin, whichever release of it that speaks of.

    Raises:
        GrantsError: If the grants file can't be read.
    """
    from pathlib import Path

    from lockgate._rights.file import GrantsFile

    return GrantsFile(Path(config.grants_file)).read().get(plugin)


def consent_now(state: PluginState, config: Config) -> tuple[Consent, Grant | None]:
    """What a plugin with a manifest has of what it asks for, and its owner's grant.

    Raises:
        GrantsError: If the grants file can't be read.
        PluginUnavailableError: If the plugin's files can't be read.
    """
    from pathlib import Path

    from lockgate._rights.file import GrantsFile
    from lockgate._seating.seats import identity_of
    from lockgate.grants import consent, rights_asked
    from lockgate.shipped import NOBODY, shipped_policy

    manifest = state.manifest
    if manifest is None:
        message = f"{state.name} has no manifest"
        raise ValueError(message)
    grant = GrantsFile(Path(config.grants_file)).read().get(state.name)
    given = consent(
        identity_of(state),
        rights_asked(manifest),
        tier=manifest.tier,
        grant=grant,
        shipped=NOBODY if state.stored else shipped_policy(),
    )
    return given, grant


def effective_tier(state: PluginState, config: Config) -> str:
    """The tier that a plugin's worker would run at now: what was granted of its wish.

    Where the grants or the plugin's files can't be read, it is what needs no consent.
    The files are looked at only if there is a grant to hold against them.
    """
    if state.tier in FREE_TIERS or not state.manifest_text:
        return state.tier
    from lockgate.shipped import shipped_policy

    key = f"tier:{state.tier}"
    party = shipped_policy().party(state.name, state.distribution)
    if party is not None and not state.stored and key in party.rights:
        return state.tier
    if not os.path.lexists(config.grants_file):
        return FREE_TIERS[-1]
    from pathlib import Path

    from lockgate._rights.file import GrantsFile
    from lockgate.errors import GrantsError, PluginUnavailableError

    try:
        grant = GrantsFile(Path(config.grants_file)).read().get(state.name)
        if grant is not None and key in grant.granted:
            return consent_now(state, config)[0].tier
    except (GrantsError, PluginUnavailableError):
        pass
    return FREE_TIERS[-1]
