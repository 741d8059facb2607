"""``lockgate install``: judge wheels, ask for consent, and keep them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UsageError
from lockgate.installed import Generation
from lockgate.verb import (
    Subparsers,
    clean,
    confirm,
    consent_now,
    grant_now,
    installed,
    is_terminal,
    print_json,
    print_lines,
    settings,
)
from lockgate_marketplace.consent import Agreed, Asked, Word, compare, decide, told
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install import (
    Accepted,
    Plan,
    brings_others,
    carry_out,
    former,
    prepare,
    stage,
)
from lockgate_marketplace.store import Store

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "install",
        description="Install a plugin from wheels: its own and those that it needs. "
        "Nothing of it is run.",
    )
    parser.add_argument("wheels", nargs="+", metavar="FILE.whl")
    rights = parser.add_mutually_exclusive_group()
    rights.add_argument(
        "--grant",
        action="append",
        default=[],
        metavar="RIGHT",
        help="agree to this right",
    )
    rights.add_argument(
        "--grant-all", action="store_true", help="agree to all that it asks for"
    )
    rights.add_argument(
        "--no-rights", action="store_true", help="install it, and grant nothing"
    )
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
        "--dry-run", action="store_true", help="judge it, and change nothing"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Judge, ask, install.

    Raises:
        UsageError: If a file is no wheel.
        MarketplaceError: Of the step that refuses.
    """
    config = settings(args)
    paths = [_wheel(word) for word in args.wheels]
    present = installed(config).plugins
    plan = prepare(
        paths,
        present,
        Accepted(undeclared=args.accept_undeclared, opaque=args.accept_opaque),
    )
    before = former(plan, present)
    # What the shipped policy gives is the host's own installation's, no wheel's.
    held = None
    if before is not None and not brings_others(plan, before):
        held = consent_now(replace(before, stored=True), config)[0]
    asked = compare(plan.manifest, held)
    if args.dry_run:
        return _told(args, plan, asked, frozenset(), generation=0)
    store = Store(config.data_dir)
    agreed = _agree(args, plan, asked)
    if agreed.open and before is not None and not args.no_rights:
        stage(plan, store)
        raise _staged(plan, before, agreed)
    generation = carry_out(plan, store)
    _grant(plan, config, agreed.granted, store, generation)
    return _told(args, plan, asked, agreed.granted, generation=generation.number)


def _wheel(word: str) -> Path:
    path = Path(word)
    if path.suffix != ".whl":
        hint = "Names from an index can't be installed yet: give the file of a wheel."
        raise UsageError(f"{word!r} is no wheel's file", hint=hint)
    return path


def _agree(args: argparse.Namespace, plan: Plan, asked: Sequence[Asked]) -> Agreed:
    """What the owner agrees to; whoever sits at the terminal is asked what is open.

    Raises:
        ConsentError: If nobody agreed to what is new, or it was refused.
    """
    name = plan.manifest.name
    word = Word(frozenset(args.grant), all=args.grant_all, none=args.no_rights)
    agreed = decide(name, asked, word)
    if agreed.said:
        return agreed
    left = sorted(agreed.open)
    if args.json or not is_terminal():
        message = f"{name} asks for {', '.join(left)}"
        raise ConsentError("consent-needed", message, asked=left)
    # Beside the question, wherever standard output goes.
    for line in told(f"{name} {plan.plugin.version}", asked):
        sys.stderr.write(f"{clean(line)}\n")
    if not confirm("Agree to all of this?"):
        message = f"the rights of {name} were refused"
        raise ConsentError("consent-refused", message, asked=left)
    return decide(name, asked, Word(all=True))


def _staged(plan: Plan, before: PluginState, agreed: Agreed) -> ConsentError:
    """The new release lies in the store; the old one stays in force."""
    message = (
        f"{plan.plugin.version} asks for {', '.join(sorted(agreed.open))}, which "
        f"{before.version} did not have; {before.version} stays installed"
    )
    return ConsentError(
        "consent-needed",
        message,
        where=plan.plugin.filename,
        asked=sorted(agreed.open),
    )


def _grant(
    plan: Plan,
    config: Config,
    keys: frozenset[str],
    store: Store,
    generation: Generation,
) -> None:
    """Write down what was agreed to, and nothing else, for this very environment.

    Raises:
        ConsentError: If another one answers to the name by now: it gets nothing.
    """
    found = installed(config).get(plan.manifest.name)
    entry = generation.get(plan.plugin.name)
    folders = tuple(entry.folders(str(store.root))) if entry is not None else ()
    if found is None or not found.stored or found.environment != folders:
        message = f"{plan.manifest.name} is another one by now; nothing was granted"
        raise ConsentError("consent-needed", message, where=plan.plugin.filename)
    grant_now(found, config, keys, exact=True)


def _told(
    args: argparse.Namespace,
    plan: Plan,
    asked: Sequence[Asked],
    granted: frozenset[str],
    *,
    generation: int,
) -> int:
    name, version = plan.manifest.name, plan.plugin.version
    if args.json:
        print_json(
            {
                "plugin": name,
                "version": version,
                "installed": bool(generation),
                "generation": generation,
                "wheels": [
                    {"filename": w.filename, "sha256": w.sha256} for w in plan.wheels
                ],
                "rights": [
                    {
                        "right": one.right.key,
                        "change": one.change,
                        "granted": one.right.key in granted,
                    }
                    for one in asked
                ],
                "notes": [finding.message for finding in plan.verdict.notes],
            }
        )
        return 0
    if not generation:
        print_lines([clean(line) for line in told(f"{name} {version}", asked)])
        print_lines([f"{name} {version} could be installed. Nothing was changed."])
        return 0
    print_lines([f"Installed {name} {version} (generation {generation})."])
    if granted:
        print_lines([f"  granted: {', '.join(sorted(granted))}"])
    lacking = sorted(one.right.key for one in asked if one.right.key not in granted)
    if lacking:
        print_lines([f"  not granted: {', '.join(lacking)}"])
    return 0
