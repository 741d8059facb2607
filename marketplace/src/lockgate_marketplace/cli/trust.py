"""``lockgate trust``: who plugins are by, as far as it was proven, and keys to sign."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lockgate.errors import UsageError
from lockgate.verb import (
    Subparsers,
    one_line,
    print_json,
    print_lines,
    print_table,
    settings,
)
from lockgate_marketplace.identity import (
    AWAITED,
    FILES,
    Identity,
    Pin,
    Trust,
    make_key,
    parse_key,
)
from lockgate_marketplace.sources import Sources

__all__ = ["add", "run"]

PASSPHRASE = "LOCKGATE_KEY_PASSPHRASE"  # noqa: S105 - the variable's name
"""The environment variable that protects a key file; without it there is none."""

_ABOUT = "Who installed plugins are by, and what to do when that changes."


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser("trust", description=_ABOUT)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="who each plugin is by (default)")
    pin = actions.add_parser("pin", help="a plugin is by the holder of a key")
    pin.add_argument("--key", required=True, metavar="ed25519:BASE64")
    rotate = actions.add_parser(
        "rotate", help="expect somebody else: the next one that is proven"
    )
    forget = actions.add_parser(
        "forget", help="remember nothing: the next installation is the first"
    )
    accept = actions.add_parser(
        "accept", help="an index changed what it said before, and that is right"
    )
    for action in (pin, rotate, forget, accept):
        action.add_argument("name", metavar="NAME", help="a distribution")
        action.add_argument("--index", default="", metavar="INDEX", help="of which")
    key = actions.add_parser("key", help="make a key to publish with")
    key.add_argument("file", metavar="FILE")
    for action in (show, pin, rotate, forget, accept, key):
        action.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Do one action; show the pins if none is named.

    Raises:
        UsageError: If a name has no pin, or one in several indexes.
        SourceError: If a key is pinned for an index that is not configured.
        IdentityError: If the pins can't be read or written.
        PublishError: If a key can't be made.
    """
    if args.action == "key":
        return _make_key(args)
    if args.action == "accept":
        from lockgate_marketplace.cli._trust_accept import (
            accept,  # brings the HTTP client
        )

        return accept(args)
    trust = Trust.below(Path(settings(args).data_dir))
    if args.action in (None, "show"):
        return _show(trust.pins(), as_json=args.json)
    if args.action == "pin" and args.index:
        index = _index_configured(args)
    else:
        index = _index_pinned(trust, args)
    if args.action == "forget":
        trust.forget(index, args.name)
        return _told(args, index, None, "is forgotten: the next one is the first")
    identity = AWAITED
    if args.action == "pin":
        try:
            identity = parse_key(args.key)
        except ValueError as error:
            raise UsageError(str(error), where="--key") from None
    old = trust.get(index, args.name)
    trust.pin(index, args.name, identity, old.version if old else "")
    return _told(args, index, identity, f"is by {identity.describe()} from now on")


def _index_configured(args: argparse.Namespace) -> str:
    """The index that a key is pinned for: nothing has to be remembered of it yet.

    Raises:
        SourceError: If it is not configured.
    """
    if args.index != FILES:
        sources = Sources.from_settings(settings(args).for_plugin("marketplace"))
        sources.named(args.index)
    return str(args.index)


def _index_pinned(trust: Trust, args: argparse.Namespace) -> str:
    """The index in which the name is pinned, though it may be configured no more.

    Raises:
        UsageError: If there is none, not the one that is named, or several.
    """
    name = args.name
    found = [pin.index for pin in trust.pins() if trust.get(pin.index, name) == pin]
    if args.index in found:
        return str(args.index)
    if args.index:
        message = f"nothing is remembered of {name!r} in the index {args.index!r}"
        raise UsageError(message, hint="`lockgate trust show` tells what is.")
    if len(found) == 1:
        return found[0]
    if not found:
        new = args.action == "pin"
        hint = "Name its index: --index INDEX." if new else "lockgate trust show"
        raise UsageError(f"nothing is remembered of {name!r}", hint=hint)
    hint = "Name the index: --index INDEX."
    raise UsageError(f"{name!r} is pinned in {', '.join(found)}", hint=hint)


def _show(pins: tuple[Pin, ...], *, as_json: bool) -> int:
    if as_json:
        print_json(
            {
                "publishers": [
                    {
                        "index": pin.index,
                        "name": pin.name,
                        "version": pin.version,
                        "since": pin.since,
                        **pin.identity.to_data(),
                    }
                    for pin in pins
                ]
            }
        )
    elif not pins:
        print_lines(["Nothing is remembered: no plugin was installed from an index."])
    else:
        rows = [
            [
                pin.name,
                pin.index or "a file",
                pin.identity.describe(),
                pin.version or "none yet",
                pin.since[:10],
            ]
            for pin in pins
        ]
        print_table(["name", "index", "by", "last version", "since"], rows)
    return 0


def _told(
    args: argparse.Namespace, index: str, identity: Identity | None, what: str
) -> int:
    if args.json:
        data = identity.to_data() if identity is not None else None
        print_json({"index": index, "name": args.name, "identity": data})
    else:
        print_lines([one_line(f"{args.name} (index {index}) {what}.")])
    return 0


def _make_key(args: argparse.Namespace) -> int:
    identity = make_key(Path(args.file), os.environ.get(PASSPHRASE, ""))
    public = f"ed25519:{identity.subject}"
    if args.json:
        print_json({"file": args.file, "public": public})
    else:
        print_lines(
            [
                f"{args.file} holds the key; keep it secret, and a copy of it safe.",
                f"Its public half, for those who install: {public}",
            ]
        )
    return 0
