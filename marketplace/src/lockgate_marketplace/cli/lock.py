"""``lockgate lock``: write down what is installed, or hold it against that."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from lockgate.config import Config
from lockgate.discovery import PluginState
from lockgate.errors import UnknownPluginError
from lockgate.granting import consent_now
from lockgate.verb import (
    Subparsers,
    counted,
    installed,
    one_line,
    print_json,
    print_lines,
    print_warning,
    settings,
)
from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.lock import (
    SCHEMA,
    Known,
    Lock,
    differences,
    lock_of,
    read_lock,
    to_pylock,
    to_text,
    write_lock,
)
from lockgate_marketplace.store import Store

__all__ = ["FILE", "add", "lock_now", "read_told", "run"]

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
    count = counted(len(lock.entries), "distribution")
    print_lines([one_line(f"{args.file}: {count} locked")])
    return 0


def lock_now(config: Config) -> Lock:
    """The lock of what is installed now, with the rights that are granted now."""
    store = Store(config.data_dir)
    if not store.folder.exists:
        return Lock()
    known = {
        state.name: _known(state, config)
        for state in installed(config).plugins
        if state.stored and state.usable and state.manifest is not None
    }
    return lock_of(store, known)


def _known(state: PluginState, config: Config) -> Known:
    """What the engine knows of an installed plugin, and which grant speaks of it."""
    consent, grant = consent_now(state, config)
    speaks = grant is not None and bool(consent.granted)
    manifest = state.manifest
    return Known(
        tuple(sorted(consent.granted)),
        manifest.hook_api if manifest is not None else "",
        hashlib.sha256(Path(state.manifest_path).read_bytes()).hexdigest(),
        grant.at if grant is not None and speaks else "",
        grant.identity.digest if grant is not None and speaks else "",
    )


def read_told(file: str) -> Lock:
    """The lock in `file`; says so if it is of an earlier form.

    Raises:
        LockFileError: If it can't be read, or is unsound.
    """
    lock = read_lock(Path(file))
    if lock.schema < SCHEMA:
        message = (
            f"it is of schema {lock.schema}, which says nothing of indexes, "
            "publishers and verdicts"
        )
        print_warning(LockFileError("lock-old", message, where=file))
    return lock


def _check(args: argparse.Namespace, lock: Lock) -> int:
    found = differences(read_told(args.file), lock)
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
            "hook-api": entry.hook_api,
            "manifest": entry.manifest,
            "scan": entry.scan,
            "granted-at": entry.granted_at,
            "index": entry.wheels[0].index,
            "by": entry.wheels[0].identity.to_data(),
        }
        for entry in lock.entries
    ]
