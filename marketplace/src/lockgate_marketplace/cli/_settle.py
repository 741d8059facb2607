"""From judged plugins to installed ones: the owner's consent, and what it does.

What `install` and every other verb that installs have in common.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.grants import Grant, tier_missing
from lockgate.installed import Generation
from lockgate.verb import (
    confirm,
    consent_now,
    grant_exactly,
    grant_of,
    installed,
    is_terminal,
    one_line,
    print_json,
    print_lines,
)
from lockgate_marketplace.cli._accepts import add_accepts
from lockgate_marketplace.consent import Agreed, Asked, Word, compare, decide, told
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.identity import Trust
from lockgate_marketplace.install import (
    Incoming,
    Offer,
    brings_others,
    carry_out,
    check_claims,
    former,
    stage,
)
from lockgate_marketplace.scan import Along, scan_along
from lockgate_marketplace.store import Store

__all__ = ["add_consent", "settle"]


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
    add_accepts(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="judge it, and change nothing"
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """An offer, the release that it takes the place of, and what it asks for."""

    offer: Offer
    before: PluginState | None
    asked: tuple[Asked, ...]
    grant: Grant | None
    """What its owner granted to a plugin of its name so far, to whichever release."""
    along: tuple[Along, ...]
    """What it brings besides itself, and what the source of that does."""

    @property
    def name(self) -> str:
        """The plugin's."""
        return self.offer.plan.manifest.name

    @property
    def version(self) -> str:
        """The plugin's."""
        return self.offer.plan.plugin.version


def settle(
    args: argparse.Namespace,
    offers: Sequence[Offer],
    present: Sequence[PluginState],
    config: Config,
    *,
    verb: str = "install",
) -> int:
    """Ask for consent to each offer, then install all of them, and tell.

    `args` has the options of `add_consent`, and ``json``. Nothing is installed unless
    everything is agreed to.

    Raises:
        ConsentError: If it is not.
        StoreError, IdentityError, InstalledError: As `carry_out` does.
    """
    check_claims([offer.plan for offer in offers], present)
    cases = [_case(offer, present, config) for offer in offers]
    data = Path(config.data_dir)
    files = [path for offer in offers for path in offer.files]
    if args.dry_run:
        _discard(files, data)
        return _told(args, cases, {}, generation=0)
    store = Store(config.data_dir)
    granted: dict[str, frozenset[str]] = {}
    _check_known(frozenset(args.grant), cases)
    for case in cases:
        agreed = _agree(args, case, sharing=len(cases) > 1)
        if agreed.open and case.before is not None and not args.no_rights:
            stage(case.offer.plan, store)
            raise _staged(case, case.before, agreed)
        granted[case.name] = agreed.granted
    generation = carry_out(
        offers,
        store,
        Trust.below(data),
        verb=verb,
        before=lambda: _check_same(cases, config, store),
        after=lambda made: _grant(cases, config, granted, store, made),
    )
    _discard(files, data)
    return _told(args, cases, granted, generation=generation.number)


def _discard(files: Sequence[Path], data: Path) -> None:
    """What was downloaded is not needed any more; a refusal of consent keeps it."""
    if files:
        Incoming.below(data).discard(files)


def _case(offer: Offer, present: Sequence[PluginState], config: Config) -> _Case:
    """What is asked for, beside what still speaks of an earlier release.

    What the shipped policy gives is the host's own installation's, no wheel's; what
    was agreed to for a file or for one index is not for another's plugin of that name.
    """
    before = former(offer.plan, present)
    held, grant = None, grant_of(offer.plan.manifest.name, config)
    here = not offer.origin.new
    if before is not None and here and not brings_others(offer.plan, before):
        held, grant = consent_now(replace(before, stored=True), config)
    plan = offer.plan
    along = scan_along(plan.wheels[1:], plan.manifest)
    return _Case(offer, before, compare(plan.manifest, held), grant, along)


def _check_known(grant: frozenset[str], cases: Sequence[_Case]) -> None:
    """Whether each right that is named is asked for by one of them.

    Raises:
        ConsentError: ``consent-unknown-right``.
    """
    asked = {one.right.key for case in cases for one in case.asked}
    if unknown := sorted(grant - asked):
        names = ", ".join(case.name for case in cases)
        message = f"{names} does not ask for {', '.join(unknown)}"
        raise ConsentError("consent-unknown-right", message, asked=sorted(asked))


def _agree(args: argparse.Namespace, case: _Case, *, sharing: bool) -> Agreed:
    """What the owner agrees to; whoever sits at the terminal is asked what is open.

    A right that is named may be of one of several plugins (`sharing`).

    Raises:
        ConsentError: If nobody agreed to what is new, or it was refused.
    """
    grant = frozenset(args.grant)
    if sharing:
        grant &= {one.right.key for one in case.asked}
    word = Word(grant, all=args.grant_all, none=args.no_rights)
    agreed = decide(case.name, case.asked, word)
    if agreed.said:
        return agreed
    left = sorted(agreed.open)
    if args.json or not is_terminal():
        message = f"{case.name} asks for {', '.join(left)}"
        raise ConsentError("consent-needed", message, asked=left)
    # Beside the question, wherever standard output goes.
    for line in _introduced(case):
        sys.stderr.write(f"{one_line(line)}\n")
    if not confirm("Agree to all of this?"):
        message = f"the rights of {case.name} were refused"
        raise ConsentError("consent-refused", message, asked=left)
    return decide(case.name, case.asked, Word(all=True))


def _introduced(case: _Case) -> list[str]:
    """Who it is by, what it wants, and what comes with it."""
    lines = [f"{case.name} {case.version} {case.offer.origin.describe()}"]
    if case.before is not None and case.offer.origin.new:
        lines.append(f"{case.name} {case.before.version}, which it replaces, did not.")
    lines += told(f"{case.name} {case.version}", case.asked)
    others = case.offer.origins[1:]
    if others:
        names = ", ".join(f"{one.name} {one.version}" for one in others)
        lines.append(f"It brings {names}, which may do the same.")
    lines += _beyond(case)
    lines += [f"note: {note}" for note in case.offer.plan.notes]
    return [*lines, *(f"warning: {warning}" for warning in case.offer.warnings)]


def _beyond(case: _Case) -> list[str]:
    """What the source of what it brings does, and the plugin does not ask for."""
    told = [f"  {line}" for one in case.along for line in one.told()]
    if not told:
        return []
    head = "Their source has code for more than it asks for, which its seal refuses:"
    return [head, *told]


def _staged(case: _Case, before: PluginState, agreed: Agreed) -> ConsentError:
    """The new release lies in the store; the old one stays in force."""
    message = (
        f"{case.version} asks for {', '.join(sorted(agreed.open))}, which "
        f"{before.version} did not have; {before.version} stays installed"
    )
    return ConsentError(
        "consent-needed",
        message,
        where=case.offer.plan.plugin.filename,
        asked=sorted(agreed.open),
    )


def _check_same(cases: Sequence[_Case], config: Config, store: Store) -> None:
    """Whether what is there is still what its owner was asked by; the store is held.

    Who installed the very same meanwhile is no obstacle.

    Raises:
        ConsentError: If a release that one takes the place of is another by now.
        ContractError: If another one has a name by now that one of them takes.
    """
    present = installed(config).plugins
    check_claims([case.offer.plan for case in cases], present)
    generation = store.folder.read()
    for case in cases:
        now = former(case.offer.plan, present)
        entry = generation.get(case.offer.plan.plugin.name)
        have = [wheel.sha256 for wheel in entry.wheels] if entry is not None else []
        same = have == [wheel.sha256 for wheel in case.offer.plan.wheels]
        if not same and _shown(now) != _shown(case.before):
            message = f"{case.name} was installed, or taken away, meanwhile"
            where = case.offer.plan.plugin.filename
            hint = "Run it again: you are asked by what is there now."
            raise ConsentError("consent-needed", message, where=where, hint=hint)


def _shown(state: PluginState | None) -> tuple[object, ...]:
    if state is None:
        return ()
    return state.version, state.environment, state.location, state.manifest_text


def _grant(
    cases: Sequence[_Case],
    config: Config,
    granted: dict[str, frozenset[str]],
    store: Store,
    generation: Generation,
) -> None:
    """Write down what was agreed to, and nothing else, for these environments.

    Raises:
        ConsentError: If another one answers to a name: nothing is granted then.
        GrantsError: If the grants are not those that its owner was asked by, or can't
            be written.
    """
    present = installed(config)
    agreed: list[tuple[PluginState, frozenset[str]]] = []
    for case in cases:
        plan = case.offer.plan
        found = present.get(plan.manifest.name)
        entry = generation.get(plan.plugin.name)
        folders = tuple(entry.folders(str(store.root))) if entry is not None else ()
        if found is None or not found.stored or found.environment != folders:
            message = f"{case.name} would not be the one that has that name"
            hint = "`lockgate list` says which one has."
            where = plan.plugin.filename
            raise ConsentError("consent-needed", message, where=where, hint=hint)
        agreed.append((found, granted[case.name]))
    was = {case.name: case.grant for case in cases}
    grant_exactly(agreed, config, was)


def _told(
    args: argparse.Namespace,
    cases: Sequence[_Case],
    granted: dict[str, frozenset[str]],
    *,
    generation: int,
) -> int:
    if args.json:
        rows = [
            _row(case, granted.get(case.name, frozenset()), generation)
            for case in cases
        ]
        alone = rows[0] if len(rows) == 1 else {}
        print_json({**alone, "generation": generation, "plugins": rows})
        return 0
    for case in cases:
        if generation:
            print_lines(map(one_line, _done(case, granted[case.name], generation)))
        else:
            print_lines(map(one_line, _introduced(case)))
            said = f"{case.name} {case.version} could be installed."
            print_lines([f"{said} Nothing was changed."])
    return 0


def _done(case: _Case, granted: frozenset[str], generation: int) -> list[str]:
    lines = [f"Installed {case.name} {case.version} (generation {generation})."]
    lines.append(f"  {case.offer.origin.describe()}")
    if granted:
        lines.append(f"  granted: {', '.join(sorted(granted))}")
    lacking = sorted({one.right.key for one in case.asked} - granted)
    if lacking:
        lines.append(f"  not granted: {', '.join(lacking)}")
        useless = tier_missing(case.name, lacking, granted)
        lines += [f"  {useless}"] if useless else []
    lines += [f"  {line}" for line in _beyond(case)]
    return [*lines, *(f"  warning: {warning}" for warning in case.offer.warnings)]


def _row(case: _Case, granted: frozenset[str], generation: int) -> dict[str, object]:
    plan = case.offer.plan
    return {
        "plugin": case.name,
        "version": case.version,
        "installed": bool(generation),
        "generation": generation,
        "index": case.offer.origin.index,
        "by": case.offer.origin.finding.identity.to_data(),
        "wheels": [
            {
                "filename": wheel.filename,
                "sha256": wheel.sha256,
                "index": origin.index,
                "by": origin.finding.describe(),
            }
            for wheel, origin in zip(plan.wheels, case.offer.origins, strict=True)
        ],
        "rights": [
            {
                "right": one.right.key,
                "change": one.change,
                "granted": one.right.key in granted,
            }
            for one in case.asked
        ],
        "notes": list(plan.notes),
        "beyond": [one.to_data() for one in case.along if not one.quiet],
        "warnings": list(case.offer.warnings),
    }
