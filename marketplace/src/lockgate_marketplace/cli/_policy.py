"""``--policy FILE``: what an owner agreed to beforehand, for whoever installs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from lockgate.config import Config
from lockgate.grants import rights_asked
from lockgate.verb import writers_of
from lockgate_marketplace.consent import Coming, ConsentPolicy
from lockgate_marketplace.install import Plan
from lockgate_marketplace.sources import Sources

__all__ = ["add_policy", "allowed", "policy_of"]


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


def allowed(
    policy: ConsentPolicy, plan: Plan, found: Iterable[Coming], config: Config
) -> dict[str, str]:
    """The rights that `policy` gives to what would be installed, each with its rule.

    A wheel of `plan` that is not among `found` is from nowhere, by nobody.

    Raises:
        SourceError: If the settings of the indexes are unsound.
    """
    if not policy.rules:
        return {}
    known = {one.sha256: one for one in found}
    wheels = [known.get(one.sha256, Coming(one.sha256)) for one in plan.wheels]
    return policy.gives(
        plan.manifest.name,
        plan.plugin.name,
        wheels,
        rights_asked(plan.manifest),
        _drawn(wheels[0].index, config),
    )


def _drawn(index: str, config: Config) -> frozenset[str]:
    """The index, and the one that what its plugins need comes from."""
    if not index:
        return frozenset()
    settings = config.for_plugin("marketplace")
    one = Sources.from_settings(settings).named(index)
    return frozenset({one.name, one.dependencies} - {""})
