"""``lockgate publish``: judge wheels as an installer would, then place or send them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lockgate.errors import UsageError
from lockgate.verb import (
    Report,
    Subparsers,
    one_line,
    print_json,
    print_lines,
    progress,
    settings,
)
from lockgate_marketplace.cli._overrides import add_accepts, terms

if TYPE_CHECKING:
    from lockgate_marketplace.publish import Ready

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "publish",
        description="Judge wheels as an installer would, then place or send them.",
    )
    parser.add_argument(
        "wheels", metavar="WHEEL", type=Path, nargs="+", help="a wheel, or a folder"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--to", metavar="WHEELS", type=Path, help="put them into a folder of wheels"
    )
    where.add_argument("--upload", metavar="URL", help="send them to an index")
    where.add_argument(
        "--index", metavar="INDEX", help="send them to this index of the settings"
    )
    parser.add_argument(
        "--out",
        metavar="SITE",
        type=Path,
        help="with --to: build the index again, as SITE",
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        help="with --to: sign with the key that `lockgate trust key` made",
    )
    parser.add_argument(
        "--needs",
        metavar="DIR",
        type=Path,
        help="a folder of wheels that they need, for the load",
    )
    add_accepts(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """All wheels are judged before the first goes out; without a place, only that.

    Raises:
        UsageError: If the options do not go together.
        MarketplaceError: If a wheel is refused, or the index does not take it.
    """
    from lockgate_marketplace.publish import checked_url

    if args.out is not None and args.to is None:
        raise UsageError("--out goes with --to", hint="Name the folder of wheels.")
    if args.key is not None and args.to is None:
        hint = "An upload carries PEP 740 provenance: put it beside the wheel."
        raise UsageError("--key goes with --to", hint=hint)
    if args.index is not None:
        args.upload = _upload_of(args)
    if args.upload is not None:
        checked_url(args.upload)
    with progress("publish", quiet=args.json) as shown:
        ready = _judged(args, shown)
        ready = _signed(ready, args.key)
        refused = _publish(args, ready)
    if args.json:
        print_json(_data(args, ready, refused))
    else:
        _print(args, ready, refused)
    return 1 if refused else 0


def _judged(args: argparse.Namespace, shown: Report) -> list[Ready]:
    """Each wheel, judged as whoever installs it will judge it.

    Raises:
        MarketplaceError: Of the step that refuses.
        ConfigError: If the settings name what is no check, or no level.
    """
    from lockgate_marketplace.publish import prepare, tried, wheels_of

    paths = wheels_of(args.wheels)
    at_hand = _at_hand(paths, [args.to, args.needs])
    judged = terms(args, settings(args))
    ready: list[Ready] = []
    for path in paths:
        shown(path.name, None)
        ready.append(tried(prepare(path, judged.levels), at_hand, judged))
    return ready


def _at_hand(wheels: Iterable[Path], folders: Iterable[Path | None]) -> list[Path]:
    """The wheels beside those that go out, and those below `folders`."""
    beside = {path.parent for path in wheels}
    found = [path for folder in beside for path in folder.glob("*.whl")]
    below = (folder.rglob("*.whl") for folder in folders if folder is not None)
    return [*found, *(path for paths in below for path in paths)]


def _upload_of(args: argparse.Namespace) -> str:
    """Where the index that was named takes wheels.

    Raises:
        SourceError: If there is none of that name.
        PublishError: If its settings do not say where.
    """
    from lockgate_marketplace.errors import PublishError
    from lockgate_marketplace.sources import Sources

    sources = Sources.from_settings(settings(args).for_plugin("marketplace"))
    index = sources.named(args.index)
    if not index.upload:
        message = f"the settings do not say where {index.name} takes wheels"
        where = f"plugins.marketplace.indexes.{index.name}.upload"
        hint = "Set `upload` there, or name the address by --upload."
        raise PublishError("publish-url", message, where=where, hint=hint)
    return index.upload


def _signed(ready: list[Ready], key_file: Path | None) -> list[Ready]:
    if key_file is None:
        return ready
    from lockgate_marketplace.identity import load_key
    from lockgate_marketplace.publish import signed

    key = load_key(key_file, os.environ.get("LOCKGATE_KEY_PASSPHRASE", ""))
    return [signed(one, key) for one in ready]


def _publish(args: argparse.Namespace, ready: list[Ready]) -> list[str]:
    """Place or send; gives what an index that was built from them left out."""
    from lockgate_marketplace.publish import credentials_for, place, upload

    if args.upload is not None:
        upload(ready, args.upload, credentials_for(args.upload))
    elif args.to is not None:
        place(ready, args.to)
    if args.out is None or args.to is None:
        return []
    from lockgate_marketplace.site import build, options_of

    report = build(args.to, args.out, options_of(args.out))
    return [f"{one.file}: {one.message}" for one in report.refused]


def _data(
    args: argparse.Namespace, ready: list[Ready], refused: list[str]
) -> dict[str, object]:
    target = args.upload or (str(args.to) if args.to else "")
    return {
        "to": target,
        "site": str(args.out) if args.out else "",
        "wheels": [
            {
                "file": one.wheel.filename,
                "sha256": one.wheel.sha256,
                "plugin": one.manifest.name if one.manifest else None,
                "notes": list(one.notes),
                "provenance": one.provenance is not None,
                "signed": one.signature is not None,
            }
            for one in ready
        ],
        "refused": refused,
    }


def _print(args: argparse.Namespace, ready: list[Ready], refused: list[str]) -> None:
    target = args.upload or args.to
    for one in ready:
        done = f"published to {target}" if target else "fit to be published"
        print_lines([one_line(f"{one.wheel.filename}: {done}")])
        print_lines(one_line(f"  note: {note}") for note in one.notes)
    print_lines(one_line(f"left out: {line}") for line in refused)
    if args.out is not None:
        print_lines([one_line(f"The index {args.out} is built from {args.to}.")])
    if not target:
        print_lines(["Nothing was sent: name --to, --upload or --index."])
