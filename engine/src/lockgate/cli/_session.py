"""What a command asks for besides its arguments: settings and installed plugins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from lockgate._manifest.tiers import FREE_TIERS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping, Sequence

    from lockgate.config import Config
    from lockgate.discovery import Discovery, PluginState
    from lockgate.grants import Consent, Grant

__all__ = [
    "Subparsers",
    "consent_now",
    "effective_tier",
    "grant_exactly",
    "grant_now",
    "grant_of",
    "installed",
    "present",
    "settings",
    "tolerant_settings",
    "writers_of",
]


class Subparsers(Protocol):
    """Where a command adds its parser (argparse names no public type for it)."""

    def add_parser(self, name: str, *, description: str) -> argparse.ArgumentParser:
        """Make the parser of the command `name`."""
        ...


def settings(args: argparse.Namespace) -> Config:
    """The settings in force.

    Raises:
        ConfigError: If a source of settings is wrong.
    """
    from lockgate.config import load_config

    overrides: list[str] = args.overrides
    chosen: list[str] = args.chosen
    return _colored(load_config(overrides=overrides, plugins=chosen))


def tolerant_settings(
    overrides: Sequence[str], chosen: Sequence[str]
) -> tuple[Config, Exception | None]:
    """The settings, or the defaults and what is wrong: for help and doctor."""
    from lockgate.config import default_config, load_config
    from lockgate.errors import LockgateError

    try:
        return _colored(load_config(overrides=overrides, plugins=chosen)), None
    except LockgateError as error:
        return default_config(), error


def _colored(config: Config) -> Config:
    from lockgate.cli._output import prefer_color

    prefer_color(config.color)
    return config


def installed(config: Config) -> Discovery:
    """Every plugin, in the state that it is in; nothing of any is run.

    Raises:
        UnknownPluginError: If ``-p`` names one that is not installed.
    """
    from lockgate._found import found_by

    found = found_by(config)
    if found.store_error is not None:
        from lockgate.cli._output import print_warning

        print_warning(found.store_error)
    if config.requires:
        _warn_of_missing(config, found)
    if config.hooks:
        _warn_of_strays(config, found)
    return found


def _warn_of_missing(config: Config, found: Discovery) -> None:
    """Say what the project requires and is not there; who calls plugins refuses."""
    from lockgate._requires import check_requires
    from lockgate.cli._output import print_warning
    from lockgate.errors import ProjectRequiresError

    try:
        check_requires(config, found.plugins)
    except ProjectRequiresError as error:
        print_warning(error)


def _warn_of_strays(config: Config, found: Discovery) -> None:
    """Say which hooks the settings order that no plugin adds: no reason to stop."""
    from lockgate._seating.registry import stray_orders
    from lockgate.cli._output import print_warning

    for error in stray_orders(config, found.plugins):
        print_warning(error)


def present(config: Config, *, safe: bool = False) -> tuple[PluginState, ...]:
    """Every plugin as a new host would have it: also what is in quarantine.

    With `safe` as a host in safe mode has it.
    """
    found = installed(config).plugins
    if safe:
        from lockgate.discovery.choice import in_safe_mode

        found = tuple(map(in_safe_mode, found))
    if not os.path.lexists(f"{config.state_dir}/quarantine"):  # as it mostly is
        return found
    from lockgate._record.quarantine import QuarantineFolder, with_quarantine

    return with_quarantine(found, QuarantineFolder(config.state_dir))


def grant_now(
    state: PluginState,
    config: Config,
    keys: Collection[str],
    *,
    any_version: bool | None = None,
    exact: bool = False,
) -> None:
    """Write down the owner's consent: `state`, as it is now, has the rights `keys`.

    With `exact` it has no others: none that an earlier version was granted.

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
        identity_of(state),
        asked,
        frozenset(keys),
        any_version=any_version,
        exact=exact,
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
