"""``lockgate data``: what plugins keep from one run to the next."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import OutputError, UnknownPluginError, UsageError
from lockgate.quantities import counted

if TYPE_CHECKING:
    from lockgate._data.folder import DataFolder
    from lockgate.config import Config

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "See what plugins keep from one run to the next, and remove it. Runs none."
    parser = subparsers.add_parser("data", description=about)
    parser.add_argument(
        "action",
        nargs="?",
        choices=["list", "show", "clear"],
        default="list",
        help="list whose files are kept (default), show the files of one, remove them",
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="a plugin")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """List, show or remove what is kept.

    Raises:
        UsageError: If no plugin is named to `show` or to `clear`.
        UnknownPluginError: If nothing of that name is installed or kept.
        OutputError: If a folder can't be used.
    """
    from lockgate._data.folder import folders_kept

    config = settings(args)
    kept = folders_kept(config.data_dir)
    try:
        if args.action == "list":
            return _list(kept, config, json=args.json)
        if args.name is None:
            message = f"{args.action} whose files?"
            raise UsageError(message, hint="Name a plugin.")
        mine = _named(args.name, kept, config)
        if args.action == "show":
            return _show(args.name, mine, json=args.json)
        return _clear(args.name, mine, json=args.json)
    except OSError as error:
        message = str(error.strerror or error)
        raise OutputError(
            message, path=str(error.filename or config.data_dir)
        ) from None


_Kept = tuple[tuple[str, str, "DataFolder"], ...]


def _named(name: str, kept: _Kept, config: Config) -> _Kept:
    from lockgate._record.quarantine import file_name

    mine = tuple(one for one in kept if one[0] == file_name(name))
    if not mine:
        names = [state.name for state in installed(config).plugins]
        if name not in names:
            raise UnknownPluginError(name, known=[*names, *(one[0] for one in kept)])
    return mine


def _list(kept: _Kept, config: Config, *, json: bool) -> int:
    from lockgate._data.folder import data_place

    owners = {
        data_place(config.data_dir, state.name, state.distribution)
        for state in installed(config).plugins
    }
    rows: list[dict[str, str | int | bool]] = []
    for plugin, distribution, folder in kept:
        used, _ = folder.used()
        rows.append(
            {
                "plugin": plugin,
                "distribution": distribution,
                "files": len(folder.files()),
                "bytes": used,
                "installed": folder.place in owners,
                "folder": str(folder.place),
            }
        )
    if json:
        print_json({"data": rows})
    elif not rows:
        print_lines(["No plugin keeps anything."])
    else:
        print_table(
            ["name", "distribution", "files", "bytes", "installed"],
            [
                [
                    str(row["plugin"]),
                    str(row["distribution"]),
                    str(row["files"]),
                    str(row["bytes"]),
                    "yes" if row["installed"] else "no",
                ]
                for row in rows
            ],
        )
    return 0


def _show(name: str, mine: _Kept, *, json: bool) -> int:
    rows: list[dict[str, Any]] = [
        {
            "distribution": distribution,
            "path": file.path,
            "size": file.size,
            "at": datetime.fromtimestamp(file.at, UTC).isoformat(timespec="seconds"),
        }
        for _, distribution, folder in mine
        for file in folder.files()
    ]
    if json:
        print_json({"plugin": name, "files": rows})
    elif not rows:
        print_lines([f"{name} keeps nothing."])
    else:
        print_lines(f"In {folder.place}:" for _, _, folder in mine)
        print_table(
            ["path", "size", "written", "distribution"],
            [[r["path"], str(r["size"]), r["at"], r["distribution"]] for r in rows],
        )
    return 0


def _clear(name: str, mine: _Kept, *, json: bool) -> int:
    count = sum(folder.clear() for _, _, folder in mine)
    if json:
        print_json({"plugin": name, "removed": count})
    else:
        print_lines([f"Removed {counted(count, 'file')} of {name}."])
    return 0
