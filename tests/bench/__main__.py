"""``python -m tests.bench [--only NAME]... [--json FILE]``: run the rows.

Exit status: 0 if every row that could be measured holds its target, 1 if one
does not, 2 for a usage error.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import tests.bench
from tests.bench.harness import Row


def modules() -> list[str]:
    """The modules of this folder that hold rows, by name."""
    names = [info.name for info in pkgutil.iter_modules(tests.bench.__path__)]
    return sorted(name for name in names if name.startswith("rows_"))


def measure(only: list[str]) -> Iterator[Row]:
    """Each row of each module; `only` keeps names that hold one of its words."""
    for name in modules():
        module = importlib.import_module(f"tests.bench.{name}")
        for row_name, run in module.ROWS.items():
            if not only or any(word in row_name for word in only):
                yield run(row_name)


def line(row: Row) -> str:
    """One row as text."""
    if row.skipped:
        return f"{row.name:<34} not measured: {row.skipped}"
    verdict = "ok" if row.ok else "MISSED"
    return (
        f"{row.name:<34} {row.ours:>10.2f} {row.unit:<2} vs {row.peer:>10.2f} "
        f"{row.unit:<2} {row.peer_name:<26} ratio {row.ratio:>7.3f} "
        f"(<= {row.target:g}) {verdict}"
    )


def main(argv: list[str] | None = None) -> int:
    """Run the rows, print them, write them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(argv)
    rows: list[Row] = []
    for row in measure(options.only):
        rows.append(row)
        print(line(row), flush=True)
    if not rows:
        print(f"no row is called like {options.only}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(
            json.dumps([row.to_dict() for row in rows], indent=2) + "\n"
        )
    return 0 if all(row.ok or row.skipped for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
