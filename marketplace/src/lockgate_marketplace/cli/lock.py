"""``lockgate lock``: write down what is installed, or hold it against that."""

from __future__ import annotations

import argparse
from pathlib import Path

from lockgate.config import Config
from lockgate.errors import UnknownPluginError
from lockgate.verb import (
    Subparsers,
    consent_now,
    installed,
    one_line,
    print_json,
    print_lines,
    settings,
)
from lockgate_marketplace.lock import (
    Lock,
    differences,
    lock_of,
    read_lock,
    to_pylock,
    to_text,
    write_lock,
)
from lockgate_marketplace.store import Store

__all__ = ["FILE", "add", "lock_now", "run"]

FILE = "lockgate.lock"


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Write what is installed into a lock file, by hash. No plugin is imported."
    parser = subparsers.add_parser("lock", description=about)
    parser.add_argument("--file", default=FILE, metavar="FILE", help=f"default: {FILE}")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check",
        action="store_true",
        help="write nothing; status 1 if what is installed differs from the file",
    )
    what.add_argument(
        "--pylock",
        metavar="NAME",
        help="print the environment of this plugin as pylock.toml (PEP 751)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Write, compare or print.

    Raises:
        LockFileError: If the file can't be read or written.
        InstalledError: If what is installed can't be read.
        UnknownPluginError: If ``--pylock`` names what is not installed.
    """
    lock = lock_now(settings(args))
    if args.check:
        return _check(args, lock)
    if args.pylock:
        return _pylock(args, lock)
    write_lock(Path(args.file), to_text(lock))
    if args.json:
        print_json({"file": args.file, "plugins": _plain(lock)})
        return 0
    print_lines([one_line(f"{args.file}: {len(lock.entries)} distribution(s) locked")])
    return 0


def lock_now(config: Config) -> Lock:
    """The lock of what is installed now, with the rights that are granted now."""
    store = Store(config.data_dir)
    if not store.folder.exists:
        return Lock()
    rights = {
        state.name: sorted(consent_now(state, config)[0].granted)
        for state in installed(config).plugins
        if state.stored and state.usable and state.manifest is not None
    }
    return lock_of(store, rights)


def _check(args: argparse.Namespace, lock: Lock) -> int:
    found = differences(read_lock(Path(args.file)), lock)
    if args.json:
        rows = [{"distribution": d.distribution, "message": d.message} for d in found]
        print_json({"same": not found, "differences": rows})
    elif found:
        print_lines(one_line(f"{one.distribution}: {one.message}") for one in found)
    else:
        print_lines([one_line(f"What is installed is what {args.file} says.")])
    return 1 if found else 0


def _pylock(args: argparse.Namespace, lock: Lock) -> int:
    entry = lock.get(args.pylock) or next(
        (one for one in lock.entries if args.pylock in one.plugins), None
    )
    if entry is None:
        names = [name for e in lock.entries for name in (e.distribution, *e.plugins)]
        raise UnknownPluginError(args.pylock, known=names)
    text = to_pylock(entry)
    if args.json:
        print_json({"distribution": entry.distribution, "pylock": text})
    else:
        print_lines(text.splitlines())
    return 0


def _plain(lock: Lock) -> list[dict[str, object]]:
    return [
        {
            "distribution": entry.distribution,
            "version": entry.version,
            "wheels": len(entry.wheels),
            "rights": list(entry.rights),
        }
        for entry in lock.entries
    ]
