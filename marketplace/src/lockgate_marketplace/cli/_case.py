"""An offer before its owner: what it asks for, and what they agree to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import PluginUnavailableError
from lockgate.grants import Grant
from lockgate.verb import confirm, consent_now, grant_of, is_terminal, one_line
from lockgate_marketplace.cli._accepts import add_accepts
from lockgate_marketplace.cli._given import Given
from lockgate_marketplace.cli._policy import add_policy, allowed
from lockgate_marketplace.consent import (
    Agreed,
    Asked,
    ConsentPolicy,
    Word,
    compare,
    decide,
    told,
)
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install import Offer, brings_others, former, set_aside
from lockgate_marketplace.lock import index_recorded
from lockgate_marketplace.scan import Along, VerdictCache, scan_along
from lockgate_marketplace.store import Store

__all__ = [
    "Case",
    "add_consent",
    "beyond",
    "case_of",
    "changed_meanwhile",
    "check_known",
    "consented",
    "displaced",
    "introduced",
]


def add_consent(parser: argparse.ArgumentParser) -> None:
    """Describe the options that say what is agreed to."""
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
    add_policy(parser)
    add_accepts(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="judge it, and change nothing"
    )


@dataclass(frozen=True, slots=True)
class Case:
    """An offer, the release that it takes the place of, and what it asks for."""

    offer: Offer
    before: PluginState | None
    asked: tuple[Asked, ...]
    grant: Grant | None
    """What its owner granted to a plugin of its name so far, to whichever release."""
    along: tuple[Along, ...]
    """What it brings besides itself, and what the source of that does."""
    allowed: Mapping[str, str]
    """The rights that its owner's policy gives, each with the rule that does."""
    moved: bool = False
    """Whether what it takes the place of came from somewhere else."""

    @property
    def name(self) -> str:
        """The plugin's."""
        return self.offer.plan.manifest.name

    @property
    def version(self) -> str:
        """The plugin's."""
        return self.offer.plan.plugin.version


def case_of(
    offer: Offer,
    present: Sequence[PluginState],
    config: Config,
    policy: ConsentPolicy,
) -> Case:
    """What is asked for, beside what still speaks of an earlier release.

    What the shipped policy gives is the host's own installation's, no wheel's; what
    was agreed to for a file or for one index is not for another's plugin of that name.

    Raises:
        ConsentError: If what is installed was taken away while it was looked at.
    """
    before = former(offer.plan, present)
    held, grant = None, grant_of(offer.plan.manifest.name, config)
    same = _same_index(offer, config)
    here = not offer.origin.new and same
    if before is not None and here and not brings_others(offer.plan, before):
        try:
            held, grant = consent_now(replace(before, stored=True), config)
        except PluginUnavailableError as error:
            raise changed_meanwhile(offer) from error
    plan = offer.plan
    cache = VerdictCache.below(Path(config.data_dir))
    along = scan_along(plan.wheels[1:], plan.manifest, cache)
    asked = compare(plan.manifest, held)
    given = allowed(policy, plan, [one.coming for one in offer.origins], config)
    return Case(offer, before, asked, grant, along, given, moved=not same)


def changed_meanwhile(offer: Offer) -> ConsentError:
    """Why nothing is installed where its owner was asked by what is there no more."""
    message = f"{offer.plan.manifest.name} was installed, or taken away, meanwhile"
    where = offer.plan.plugin.filename
    hint = "Run it again: you are asked by what is there now."
    return ConsentError("consent-needed", message, where=where, hint=hint)


def _same_index(offer: Offer, config: Config) -> bool:
    """Whether what is installed came from the index of `offer`, if that is of one.

    That something of its name came from there is not enough: it may have come along
    with another plugin.
    """
    index = offer.origin.index
    if not index:
        return True
    generation = Store(config.data_dir).folder.read()
    entry = generation.get(offer.plan.plugin.name)
    return entry is not None and index_recorded(entry) == index


def check_known(args: argparse.Namespace, cases: Sequence[Case]) -> None:
    """Whether each right that is named is asked for by one of them.

    Raises:
        ConsentError: ``consent-unknown-right``.
    """
    asked = {one.right.key for case in cases for one in case.asked}
    if unknown := sorted(frozenset(args.grant) - asked):
        names = ", ".join(case.name for case in cases)
        message = f"{names} does not ask for {', '.join(unknown)}"
        raise ConsentError("consent-unknown-right", message, asked=sorted(asked))


def consented(
    args: argparse.Namespace, case: Case, store: Store, *, sharing: bool
) -> Given:
    """The rights that the owner agrees to. An upgrade that lacks some is set aside.

    A right that is named may be of one of several plugins (`sharing`).

    Raises:
        ConsentError: If nobody agreed to what is new, or it was refused.
        StoreError, InstalledError: If it can't be set aside.
    """
    agreed = _agree(args, case, sharing=sharing)
    if agreed.said and (args.no_rights or not agreed.open or case.before is None):
        return _given(args, case, agreed.granted)
    left = sorted(agreed.open)
    if case.before is not None:
        raise _stage(case, case.before, left, store)
    message = f"{case.name} asks for {', '.join(left)}"
    raise ConsentError("consent-needed", message, asked=left)


def _given(args: argparse.Namespace, case: Case, granted: Collection[str]) -> Given:
    """By whom each right is given: what the owner says now is their own word."""
    held = {one.right.key for one in case.asked if one.change == "held"}
    before: Given = case.grant.by if case.grant is not None else {}
    found: dict[str, str] = {}
    for key in granted:
        if args.grant_all or key in args.grant:
            found[key] = ""
        else:
            found[key] = (before if key in held else case.allowed).get(key, "")
    return found


def _agree(args: argparse.Namespace, case: Case, *, sharing: bool) -> Agreed:
    """What the owner agrees to; whoever sits at the terminal is asked what is open.

    Raises:
        ConsentError: If it was refused.
    """
    grant = frozenset(args.grant)
    if sharing:
        grant &= {one.right.key for one in case.asked}
    policy = frozenset(case.allowed)
    word = Word(grant, all=args.grant_all, none=args.no_rights, policy=policy)
    agreed = decide(case.name, case.asked, word)
    if agreed.said or args.json or not is_terminal():
        return agreed
    # Beside the question, wherever standard output goes.
    for line in introduced(case):
        sys.stderr.write(f"{one_line(line)}\n")
    if not confirm("Agree to all of this?"):
        message = f"the rights of {case.name} were refused"
        raise ConsentError("consent-refused", message, asked=sorted(agreed.open))
    return decide(case.name, case.asked, Word(all=True))


def introduced(case: Case) -> list[str]:
    """Who it is by, what it wants, and what comes with it."""
    lines = [f"{case.name} {case.version} {case.offer.origin.describe()}"]
    if case.before is not None and case.moved:
        old = f"{case.name} {case.before.version}, which it replaces,"
        lines.append(f"{old} did not come from there.")
    lines += told(f"{case.name} {case.version}", case.asked, case.allowed)
    others = case.offer.origins[1:]
    if others:
        names = ", ".join(f"{one.name} {one.version}" for one in others)
        lines.append(f"It brings {names}, which may do the same.")
    lines += displaced(case)
    lines += beyond(case)
    lines += [f"note: {note}" for note in case.offer.plan.notes]
    return [*lines, *(f"warning: {warning}" for warning in case.offer.warnings)]


def displaced(case: Case) -> list[str]:
    """What of the host's own environment it takes the place of: a copy in work, say."""
    before = case.before
    if before is None or before.stored:
        return []
    place = before.path[0] if before.editable and before.path else before.location
    kind = "the editable copy" if before.editable else "the copy"
    until = f"is not used until you `lockgate uninstall {before.name}`."
    return [f"It takes the place of {kind} in {place}, which {until}"]


def beyond(case: Case) -> list[str]:
    """What the source of what it brings does, and the plugin does not ask for."""
    told = [f"  {line}" for one in case.along for line in one.told()]
    if not told:
        return []
    head = "Their source has code for more than it asks for, which its seal refuses:"
    return [head, *told]


def _stage(
    case: Case, before: PluginState, left: Collection[str], store: Store
) -> ConsentError:
    """Keep the new release in the store; the old one stays in force.

    Raises:
        StoreError, InstalledError: If it can't be kept.
    """
    set_aside(case.offer, left, store)
    asked = sorted(left)
    asks, old = f"{case.version} asks for {', '.join(asked)}", before.version
    if case.version == old:  # a rebuilt one, or a copy in work that it takes over from
        message = f"{asks}; the {old} that is there stays in use until you agree"
    else:
        message = f"{asks}, which {old} did not have; {old} stays installed"
    where = case.offer.plan.plugin.filename
    return ConsentError("consent-needed", message, where=where, asked=asked)
