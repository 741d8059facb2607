"""``--accept-…``, ``--no-load``: what an owner takes though a check would stop."""

from __future__ import annotations

import argparse

from lockgate.config import Config
from lockgate_marketplace.install import Terms
from lockgate_marketplace.levels import Levels

__all__ = ["add_accepts", "terms"]


def add_accepts(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument(
        "--accept-undeclared",
        action="store_true",
        help="though its source does what it does not ask for",
    )
    parser.add_argument(
        "--accept-opaque",
        action="store_true",
        help="though some of its source can't be read",
    )
    parser.add_argument(
        "--no-load",
        action="store_true",
        help="without loading it once, in a sealed worker, to see that it loads",
    )


def terms(args: argparse.Namespace, config: Config) -> Terms:
    """What plugins are judged by: the settings, and what was said by the arguments.

    Raises:
        ConfigError: If the settings name what is no check, or no level.
    """
    levels = Levels.from_settings(config.for_plugin("marketplace"))
    if args.accept_undeclared:
        levels = levels.noting("undeclared")
    if args.accept_opaque:
        levels = levels.noting("opaque")
    if args.no_load:
        levels = levels.without("load")
    return Terms(config, levels)
