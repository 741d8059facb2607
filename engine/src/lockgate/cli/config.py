"""``lockgate config``: the settings in force, and where each one came from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.config import Config
from lockgate.values import Data

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Show the settings in force and where each came from."
    parser = subparsers.add_parser("config", description=about)
    parser.add_argument(
        "action",
        nargs="?",
        choices=["show", "path", "validate"],
        default="show",
        help="show the settings (default), the files, or check them",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the settings, the files they are read from, or that they are right.

    Raises:
        ConfigError: If a source of settings is wrong.
    """
    if args.action == "path":
        return _paths(args)
    config = settings(args)
    if args.action == "validate":
        _validate_plugins(config)
        if args.json:
            print_json({"valid": True})
        else:
            print_lines(["The settings are valid."])
        return 0
    rows = [
        {"key": key, "value": value, "origin": config.origin(key)}
        for key, value in _leaves(config.to_dict(), "")
    ]
    if args.json:
        print_json({"settings": rows})
        return 0
    print_table(
        ["setting", "value", "from"],
        [[str(r["key"]), _text(r["value"]), str(r["origin"])] for r in rows],
    )
    return 0


def _validate_plugins(config: Config) -> None:
    """Hold the settings of each plugin that is there to its manifest's schema.

    Raises:
        ConfigError: If they don't match.
    """
    if not config.plugins:
        return
    from lockgate._plugin_settings.whole import check_config

    for state in installed(config).plugins:
        if state.usable and state.manifest is not None:
            check_config(state.name, config, state.manifest.config_schema)


def _paths(args: argparse.Namespace) -> int:
    from lockgate.config import default_config, find_sources, user_file_place

    sources = find_sources(overrides=args.overrides)
    defaults = default_config()
    paths = {
        "user-file": sources.user_file or None,
        "project-file": sources.project_file or None,
        "choices-file": defaults.choices_file,
        "environment": sorted(sources.environment),
        "grants-file": defaults.grants_file,
        "cache-dir": defaults.cache_dir,
        "data-dir": defaults.data_dir,
        "state-dir": defaults.state_dir,
    }
    if args.json:
        print_json(paths)
    else:
        if not sources.user_file:
            paths["user-file"] = f"{user_file_place()} (not there)"
        rows = [[key, _text(value) or "-"] for key, value in paths.items()]
        print_table(["what", "where"], rows)
    return 0


def _leaves(table: Mapping[str, Data], prefix: str) -> Iterator[tuple[str, Data]]:
    """Each setting by its dotted key; an empty table is one setting."""
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "-"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return "-" if value in (None, {}, "") else str(value)
