"""``lockgate trust accept``: an index changed its past, and the owner says: rightly."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.verb import one_line, print_json, print_lines, settings
from lockgate_marketplace.memory import Forgetful
from lockgate_marketplace.resolve import open_client, seen_below

__all__ = ["accept"]


def accept(args: argparse.Namespace) -> int:
    """Fetch the project's page and take it for the truth from now on.

    Raises:
        MarketplaceError: If the page can't be had or is unsound, or the memory
            can't be written.
    """
    config = settings(args)
    data = Path(config.data_dir)
    with open_client(config.for_plugin("marketplace"), data, Forgetful()) as client:
        index = client.sources.bind(args.name, args.index)
        name = args.name.rpartition("/")[2]
        page = client.look(index, name)
    accepted = seen_below(data).accept(page)
    if args.json:
        changes = [{"code": c.code, "message": c.message} for c in accepted]
        print_json({"index": index.name, "name": page.name, "accepted": changes})
    elif accepted:
        print_lines(
            [f"Accepted of {index.name}/{page.name}:"]
            + [one_line(f"  {change.message}") for change in accepted]
        )
    else:
        print_lines([f"{index.name}/{page.name} contradicts nothing."])
    return 0
