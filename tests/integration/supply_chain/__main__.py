"""``python -m tests.integration.supply_chain``: run the rows, write table and page."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.integration.supply_chain.environments import versions
from tests.integration.supply_chain.rows import TOOLS, Outcome, Row, Tool
from tests.integration.supply_chain.table import PAGE, PARTS, load, render, save


def measure(row: Row, tools: tuple[Tool, ...] = TOOLS) -> dict[Tool, Outcome]:
    """Run one row with each tool, each in a folder that is removed afterwards."""
    outcomes: dict[Tool, Outcome] = {}
    for tool in tools:
        folder = Path(tempfile.mkdtemp(prefix="lockgate-supply-chain-"))
        try:
            outcomes[tool] = row.runs[tool](folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.integration.supply_chain")
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--page", action="store_true", help="only make the page anew")
    parser.add_argument(
        "--keep", action="store_true", help="put the rows of --only into the run"
    )
    options = parser.parse_args()
    if not options.page:
        chosen = [
            row
            for part in PARTS
            for row in part.rows
            if not options.only or any(word in row.name for word in options.only)
        ]
        cells = {row.name: run for row in chosen if (run := shown(row))}
        if options.only and not options.keep:
            return 0
        if options.only:
            kept, by = load()
            if by != versions():
                print("the run that is kept is by other versions: run all rows")
                return 1
            rows = [row.name for part in PARTS for row in part.rows]
            cells = {name: cells.get(name) or kept[name] for name in rows}
        save(cells, versions())
    PAGE.write_text(render(), "utf-8")
    return 0


def shown(row: Row) -> dict[Tool, Outcome]:
    """Measure a row and print it."""
    outcomes = measure(row)
    cells = "; ".join(f"{tool}: {o.text}" for tool, o in outcomes.items())
    print(f"{row.name} -> {cells}", flush=True)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
