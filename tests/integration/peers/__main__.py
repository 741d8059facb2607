"""``python -m tests.integration.peers NAME CHECKOUT``: a peer's suite with our part.

Runs the suite as it is, then with our part swapped in, and prints what the second
run says: ``N passed, N failed``. Exit status 0 if no test fails that passes with
the peer's own part, 1 if one does, 2 for a usage error.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.integration.peers.recipes import RECIPES
from tests.integration.peers.runs import Environment, SuiteError


def main(argv: list[str] | None = None) -> int:
    """Run one peer's suite twice, and compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.peers")
    parser.add_argument("name", choices=sorted(RECIPES), help="the peer")
    parser.add_argument("checkout", type=Path, help="a folder with its source")
    options = parser.parse_args(argv)
    checkout: Path = options.checkout.resolve()
    recipe = RECIPES[options.name]
    if not all((checkout / path).exists() for path in recipe.tests):
        parser.error(f"{checkout} holds no {options.name} with {recipe.tests[0]}")
    # Not in the temporary folder: stevedore keeps no cache below that.
    with tempfile.TemporaryDirectory(prefix="peers-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        environment = Environment(Path(folder, "venv"), checkout)
        try:
            environment.make(recipe)
            plain = environment.plain(recipe)
            ours = environment.swapped(recipe)
        except SuiteError as error:
            print(f"{options.name}: {error}", file=sys.stderr)
            return 1
    worse = sorted(plain.passed - ours.passed)
    print(f"with its own: {len(plain.passed)} passed, {len(plain.failed)} failed")
    print(f"{len(ours.passed)} passed, {len(ours.failed)} failed")
    for name in worse:
        print(f"  passes with its own, not with ours: {name}")
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
