"""``--accept-…``: what an owner takes though the scan would stop at it."""

from __future__ import annotations

import argparse

from lockgate_marketplace.install import Accepted

__all__ = ["accepted", "add_accepts"]


def add_accepts(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
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


def accepted(args: argparse.Namespace) -> Accepted:
    """What was said by them."""
    return Accepted(undeclared=args.accept_undeclared, opaque=args.accept_opaque)
