"""``python -m lockgate_sandbox``, also installed as ``lockgate-sandbox``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lockgate_sandbox import run

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Parse `argv` (default: the process's) and do it; gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="lockgate-sandbox",
        description="Run Python that you did not write under a kernel-enforced policy.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    about = "run one Python file under a policy"
    run.add_arguments(verbs.add_parser("run", help=about, description=run.ABOUT))
    return run.main(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
