"""What a command asks for besides its arguments: settings and installed plugins."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from lockgate.config import Config
    from lockgate.discovery import Discovery, PluginState

__all__ = [
    "Subparsers",
    "installed",
    "present",
    "settings",
    "tolerant_settings",
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
    from lockgate.inventory import found_by

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
