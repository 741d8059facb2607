"""The plugins that the settings lead to."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.config import Config
from lockgate.discovery import Discovery, discover

__all__ = ["found_by"]


def found_by(config: Config, folders: Sequence[str] | None = None) -> Discovery:
    """Every plugin there is, in the state that it is in; nothing of any is run.

    `folders` replaces ``sys.path``.

    Raises:
        UnknownPluginError: If a choice names a plugin that is not there.
    """
    found = discover(
        folders,
        cache_dir=config.cache_dir,
        data_dir=config.data_dir,
        plugin_folders=config.plugin_folders,
        disabled=config.disabled,
        hooks=config.hooks,
        choice=config.choice,
        environments=config.environments,
        bridges=config.bridges,
    )
    config.choice.check(found.names)
    return found
