"""``--policy FILE``: what an owner agreed to beforehand, for whoever installs."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.config import Config
from lockgate.granting import writers_of
from lockgate_marketplace.consent import ConsentPolicy

__all__ = ["add_policy", "policy_of"]


def add_policy(parser: argparse.ArgumentParser) -> None:
    """Describe the option."""
    parser.add_argument(
        "--policy",
        default="",
        metavar="FILE",
        help="grant what this file of yours allows, without asking",
    )


def policy_of(args: argparse.Namespace, config: Config) -> ConsentPolicy:
    """The policy of ``--policy``, else of the setting ``consent-policy``, else none.

    Raises:
        ConsentError: ``consent-policy`` if the file can't be believed, or is unsound.
        GrantsError: If the grants, which say who could write it, can't be read.
    """
    named = str(args.policy) or config.consent_policy
    if not named:
        return ConsentPolicy()
    # It brings pydantic.
    from lockgate_marketplace.consent.policy_file import read_policy

    kept = (config.data_dir, config.state_dir, config.cache_dir)
    file = Path(named).expanduser()
    return read_policy(file, kept=kept, writers=writers_of(str(file), config))
