"""``lockgate why NAME``: which version, who wants it, and why none of the others."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lockgate.config import Config
from lockgate.verb import (
    Subparsers,
    installed,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.errors import MarketplaceError
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate.installed import Installed
    from lockgate_marketplace.resolve import IndexClient, Policy, Want, Why
    from lockgate_marketplace.upkeep import Use

__all__ = ["add", "run"]


@dataclass(frozen=True, slots=True)
class _Told:
    """All that is known of a name."""

    name: str
    uses: tuple[Use, ...]
    since: str
    """What installed the present version, if that is still kept."""
    whys: tuple[Why, ...] = ()
    """Of itself, and of each distribution that it would bring."""
    error: MarketplaceError | None = None
    stays: str = ""
    """The installed version, if what could be chosen is older: `install` refuses it."""


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Say which version of a plugin would be installed, and why no other."
    parser = subparsers.add_parser("why", description=about)
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="NAME, INDEX/NAME or NAME==VERSION"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Explain each name; status 1 if no version of one can be chosen.

    Raises:
        InstalledError: If the store is not sound.
        SourceError: If the settings of the indexes are unsound.
        ResolutionError: If a name is none.
    """
    from lockgate_marketplace.resolve import Want

    wants = [Want.parse(word) for word in args.names]
    told = _explained(wants, settings(args), quiet=args.json)
    if args.json:
        print_json({"plugins": [_row(one) for one in told]})
    else:
        print_lines(one_line(line) for one in told for line in _lines(one))
    return 1 if any(one.error is not None for one in told) else 0


def _explained(wants: Sequence[Want], config: Config, *, quiet: bool) -> list[_Told]:
    from lockgate_marketplace.identity import Trust
    from lockgate_marketplace.resolve import open_client
    from lockgate_marketplace.upkeep import index_to_ask, policy_now, uses_of

    data = Path(config.data_dir)
    store = Store(config.data_dir)
    entries = store.folder.read().entries
    pins = Trust.below(data).pins()
    levels = Levels.from_settings(config.for_plugin("marketplace"))
    policy = policy_now(
        installed(config).plugins, pins, cooldown_level=levels.of("cooldown")
    )
    told: list[_Told] = []
    with (
        progress("asking", quiet=quiet),
        open_client(config.for_plugin("marketplace"), data) as client,
    ):
        for want in wants:
            want = _of_plugin(want, entries)
            name = canonicalize_name(want.requirement.name)
            uses = tuple(uses_of(name, entries, store))
            one = _Told(name, uses, _since(name, entries, store))
            try:
                here = next((e for e in entries if e.distribution == name), None)
                if here is not None and not want.index:
                    index = index_to_ask(here, pins, client.sources)
                    want = replace(want, index=index.name)
                whys = _whys(name, want, client, policy)
                stays = _stays(want, whys, here.version if here is not None else "")
                told.append(replace(one, whys=whys, stays=stays))
            except MarketplaceError as error:
                told.append(replace(one, error=error))
    return told


def _of_plugin(want: Want, entries: Sequence[Installed]) -> Want:
    """The distribution, where the name of an installed plugin is given."""
    from lockgate_marketplace.upkeep import entries_named

    named = entries_named(want.requirement.name, entries)
    if len(named) != 1:
        return want
    requirement = Requirement(str(want.requirement))
    requirement.name = named[0].distribution
    return replace(want, requirement=requirement)


def _whys(
    name: str, want: Want, client: IndexClient, policy: Policy
) -> tuple[Why, ...]:
    from lockgate_marketplace.resolve import projects_told, resolve

    with projects_told([want], client):
        found = resolve([want], client, policy)
    others = [one.name for one in found.pinned if one.name != name]
    return tuple(found.why(each) for each in (name, *others))


def _stays(want: Want, whys: Sequence[Why], version: str) -> str:
    """`version`, if what would be chosen is a step back that nobody asked for."""
    from lockgate_marketplace.install.named import is_meant, steps_back

    chosen = whys[0].chosen
    back = chosen is not None and steps_back(version, chosen.file.version)
    return version if back and not is_meant(want) else ""


def _since(name: str, entries: Sequence[Installed], store: Store) -> str:
    """The earliest generation from which on the present version was installed."""
    here = next((e for e in entries if e.distribution == name), None)
    if here is None:
        return ""
    told = ""
    for generation in store.history():
        if generation.get(name) != here:
            break
        told = f"generation {generation.number}, {generation.at}: {generation.reason}"
    return told


def _lines(one: _Told) -> Iterator[str]:
    for use in one.uses:
        if use.within == one.name:
            since = f" ({one.since})" if one.since else ""
            yield f"{one.name} {use.version} is installed{since}"
        else:
            yield f"{one.name} {use.version} is in the environment of {use.within}"
        yield from (f"  {by} requires {text}" for by, text in use.wanted_by)
    if one.error is not None:
        against = list(_against(one.error))
        reason = "" if against else f": {one.error}"
        yield f"{one.name}: nothing would be installed{reason}"
        yield from against
        if one.error.hint:
            yield f"  {one.error.hint}"
        return
    chosen = one.whys[0].chosen
    if one.stays and chosen is not None:
        exact = f"{one.name}=={chosen.version}"
        yield (
            f"{one.name} {one.stays} stays; {chosen.version} would be a step back: "
            f"name it, {exact}"
        )
        left = one.whys[0].rejected
        yield from (f"  not {r.version or 'any'}: {r.reason}" for r in left)
        return
    for why in one.whys:
        yield from why.text().splitlines()


def _against(error: MarketplaceError) -> Iterator[str]:
    from lockgate_marketplace.resolve import rejected_of

    for left in rejected_of(error):
        yield f"  not {left.name} {left.version}: {left.reason}"


def _row(one: _Told) -> dict[str, object]:
    return {
        "name": one.name,
        "installed": [
            {
                "within": use.within,
                "version": use.version,
                "wanted-by": [
                    {"name": by, "requires": text} for by, text in use.wanted_by
                ],
            }
            for use in one.uses
        ],
        "since": one.since or None,
        "would-install": [] if one.stays else [_why(why) for why in one.whys],
        "stays": _step_back(one) if one.stays else None,
        "error": one.error.to_dict() if one.error is not None else None,
    }


def _step_back(one: _Told) -> dict[str, object]:
    """What stays, and what could be chosen if it were named."""
    return {"version": one.stays, "could-be": _why(one.whys[0])}


def _why(why: Why) -> dict[str, object]:
    chosen = why.chosen
    return {
        "name": why.name,
        "version": chosen.version if chosen is not None else None,
        "index": chosen.index if chosen is not None else None,
        "wanted-by": [by or None for by in chosen.wanted_by] if chosen else [],
        "status": (chosen.status or None) if chosen is not None else None,
        "rejected": [
            {"version": r.version, "code": r.code, "reason": r.reason}
            for r in why.rejected
        ],
    }
