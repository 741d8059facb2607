"""``lockgate install``: get plugins, judge them, ask for consent, and keep them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UsageError
from lockgate.verb import Subparsers, installed, progress, settings
from lockgate_marketplace.cli._consent import add_consent
from lockgate_marketplace.cli._overrides import terms
from lockgate_marketplace.cli._policy import policy_of
from lockgate_marketplace.cli._settle import settle
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import Incoming, Offer, from_files

if TYPE_CHECKING:
    from lockgate_marketplace.resolve import Want

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "install",
        description="Install plugins by name from an index, or one from wheels: its "
        "own and those that it needs. Nothing of them is run but in a sealed worker.",
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="NAME, INDEX/NAME, NAME==VERSION, or files: FILE.whl …",
    )
    parser.add_argument(
        "--index", default="", metavar="INDEX", help="the index that it comes from"
    )
    parser.add_argument("--pre", action="store_true", help="pre-releases are fine")
    parser.add_argument(
        "--no-cooldown",
        action="store_true",
        help="though it was uploaded only just now (what it needs still waits)",
    )
    parser.add_argument(
        "--name-is-right",
        action="store_true",
        help="though the name is close to a well-known one",
    )
    add_consent(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Get, judge, ask, install: all that is named, or nothing.

    Raises:
        UsageError: If files and names are given together, or what is named is an
            address, a folder or a source archive.
        MarketplaceError: Of the step that refuses.
    """
    for word in args.names:
        _check_kind(word)
    files = [word for word in args.names if word.endswith(".whl")]
    if files and len(files) < len(args.names):
        other = next(word for word in args.names if word not in files)
        hint = "Install files in one command, and names in another."
        raise UsageError(f"{other!r} is no wheel's file", hint=hint)
    config = settings(args)
    policy = policy_of(args, config)
    present = installed(config).plugins
    offers = (_offered if files else _fetched)(args, present, config)
    return settle(args, offers, present, config, policy)


_BUILD = "python3 -m pip wheel --no-deps -w dist {}, then: lockgate install dist/*.whl"


def _check_kind(word: str) -> None:
    """Refuse what other installers take: it would have to be built, or just fetched."""
    if "://" in word:
        said = f"{word!r} is an address, and this installs names and wheels' files"
        hint = "Download the wheel, or name an index that has it in your settings."
    elif word.endswith((".tar.gz", ".zip")):
        said = f"{word!r} is a source archive: to build it is to run its code"
        hint = f"If you trust it: {_BUILD.format(word)}"
    elif word.startswith((".", "/")) or word.endswith("/") or word.count("/") > 1:
        if word.endswith(".whl"):
            return
        said = f"{word!r} is a folder, and this installs names and wheels' files"
        hint = f"Of a project that you trust: {_BUILD.format(word)}"
        if any(Path(word).glob("*.whl")):
            hint = f"Name its wheels: lockgate install {word.rstrip('/')}/*.whl"
    else:
        return
    raise UsageError(said, hint=hint)


def _offered(
    args: argparse.Namespace, present: Sequence[PluginState], config: Config
) -> tuple[Offer, ...]:
    return (
        from_files(
            [Path(word) for word in args.names],
            Trust.below(Path(config.data_dir)),
            present,
            terms(args, config),
            index=args.index,
        ),
    )


def _fetched(
    args: argparse.Namespace, present: Sequence[PluginState], config: Config
) -> tuple[Offer, ...]:
    # They bring the HTTP client, which files do without.
    from lockgate_marketplace.install.named import from_index, known_names
    from lockgate_marketplace.resolve import Policy, open_client

    data = Path(config.data_dir)
    trust = Trust.below(data)
    wants = [_want(word, args.index) for word in args.names]
    names = frozenset(canonicalize_name(one.requirement.name) for one in wants)
    judged_by = terms(args, config)
    policy = Policy.running(
        cooldowns=dict.fromkeys(names, timedelta()) if args.no_cooldown else None,
        prereleases=names if args.pre else frozenset(),
        cooldown_level=judged_by.levels.of("cooldown"),
        known=known_names(present, trust.pins()),
        right_names=names if args.name_is_right else frozenset(),
    )
    with (
        progress("installing", quiet=args.json) as tell,
        open_client(config.for_plugin("marketplace"), data) as client,
    ):
        return from_index(
            wants,
            client,
            trust,
            Incoming.below(data),
            present,
            policy,
            judged_by,
            tell=tell,
        )


def _want(word: str, index: str) -> Want:
    from lockgate_marketplace.resolve import Want

    want = Want.parse(word)
    return want if want.index or not index else replace(want, index=index)
