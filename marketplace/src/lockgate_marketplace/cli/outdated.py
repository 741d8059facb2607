"""``lockgate outdated``: what is installed, held against its index."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.store import Store

if TYPE_CHECKING:
    from lockgate_marketplace.resolve import Rejected
    from lockgate_marketplace.upkeep import Standing

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "What is newer than what is installed, and why the newest is not taken."
    parser = subparsers.add_parser("outdated", description=about)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Ask the index of each; status 1 if something could not be asked.

    Raises:
        InstalledError: If the store is not sound.
        SourceError: If the settings of the indexes are unsound.
    """
    found = _standings(settings(args), quiet=args.json)
    if args.json:
        print_json({"plugins": [_row(one) for one in found]})
    else:
        print_lines(one_line(line) for one in found for line in _lines(one))
        if not any(map(_noteworthy, found)):
            print_lines([_nothing(len(found))])
    return 1 if any(one.error is not None for one in found) else 0


def _standings(config: Config, *, quiet: bool) -> Sequence[Standing]:
    store = Store(config.data_dir)
    entries = store.folder.read().entries
    if not entries:
        return ()
    from lockgate_marketplace.identity import Trust
    from lockgate_marketplace.resolve import open_client
    from lockgate_marketplace.upkeep import policy_now, standings

    data = Path(config.data_dir)
    pins = Trust.below(data).pins()
    levels = Levels.from_settings(config.for_plugin("marketplace"))
    policy = policy_now(
        installed(config).plugins, pins, cooldown_level=levels.of("cooldown")
    )
    found: list[Standing] = []
    with (
        progress("looking", quiet=quiet) as tell,
        open_client(config.for_plugin("marketplace"), data) as client,
    ):
        for one in standings(entries, client, pins, policy, store.folder.staged()):
            found.append(one)
            tell(one.entry.distribution, len(found) / len(entries))
    return found


def _noteworthy(one: Standing) -> bool:
    found = one.found
    return bool(one.error or one.staged or one.newer) or (
        found is not None and bool(found.waiting or found.against or found.status)
    )


def _nothing(count: int) -> str:
    if not count:
        return "Nothing was installed into the store."
    if count == 1:
        return "It is the newest that its index has."
    return f"All {count} are the newest that their indexes have."


def _lines(one: Standing) -> Iterator[str]:
    name, version = one.entry.distribution, one.entry.version
    if one.error is not None:
        yield f"{name} {version}: not known: {one.error}"
        return
    if one.found is None or not _noteworthy(one):
        return
    yield f"{name} {version} ({one.index}): {_newer(one)}"
    if one.found.status:
        yield f"  its index says that it is {one.found.status}"
    if one.found.against is not None:
        yield f"  {version} is what you have, and {one.found.against.reason}"
    if one.staged is not None:
        asks = ", ".join(one.staged.asks)
        yield f"  {one.staged.entry.version} is staged: it asks for {asks}"
        yield f"  `lockgate upgrade {name} --grant-all`, or --grant each, installs it"
    yield from (f"  not {left.version}: {left.reason}" for left in one.found.waiting)


def _newer(one: Standing) -> str:
    if one.newer:
        return f"{one.latest} is there"
    waits = one.found is not None and one.found.waiting
    return "nothing newer can be used" if waits else "it is the newest"


def _row(one: Standing) -> dict[str, object]:
    found = one.found
    return {
        "name": one.entry.distribution,
        "plugins": list(one.entry.plugins),
        "version": one.entry.version,
        "index": one.index or None,
        "latest": one.latest if found is not None else None,
        "outdated": one.newer,
        "waiting": [_plain(left) for left in found.waiting] if found else [],
        "against": _plain(found.against) if found and found.against else None,
        "status": (found.status or None) if found else None,
        "staged": one.staged.to_dict() if one.staged is not None else None,
        "error": one.error.to_dict() if one.error is not None else None,
    }


def _plain(one: Rejected) -> dict[str, str]:
    return {"version": one.version, "code": one.code, "reason": one.reason}
