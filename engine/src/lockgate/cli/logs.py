"""``lockgate logs``: what plugins logged and printed, also after the fact."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lockgate._record.logbook import log_files, read_lines
from lockgate.cli._output import clean, print_json, print_lines
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import UnknownPluginError

__all__ = ["add", "run"]

FOLLOW_SECONDS = 0.25
_LEVELS = ("debug", "info", "warning", "error")


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Show what plugins logged and printed, and what the host did about them."
    parser = subparsers.add_parser("logs", description=about)
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="a plugin")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--level", choices=_LEVELS, default="debug", help="at least")
    parser.add_argument("--trace", default="", metavar="ID", help="only of this trace")
    parser.add_argument(
        "--lines", type=_count, default=200, metavar="N", help="the last N (200)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print the lines of the log files, the oldest first.

    Raises:
        UnknownPluginError: If nothing of that name is installed, nor has logged.
    """
    config = settings(args)
    state_dir = config.state_dir
    if args.name and not any(log_files(state_dir, args.name)):
        names = [state.name for state in installed(config).plugins]
        if args.name not in names:
            raise UnknownPluginError(args.name, known=names)
    tails = _Tails(state_dir, args.name)
    lines = [line for line in tails.new() if _wanted(line, args)]
    lines = sorted(lines, key=lambda line: str(line.get("at", "")))
    lines = lines[max(len(lines) - args.lines, 0) :]
    if not args.follow:
        if args.json:
            print_json({"lines": lines})
        else:
            print_lines(_text(line) for line in lines)
        return 0
    while True:
        for line in lines:
            if args.json:
                from lockgate._text.json_text import json_text

                sys.stdout.write(json_text(line) + "\n")
            else:
                print_lines([_text(line)])
        sys.stdout.flush()
        time.sleep(FOLLOW_SECONDS)
        lines = [line for line in tails.new() if _wanted(line, args)]


class _Tails:
    """Reads what is new in the log files; a file is known by its inode."""

    def __init__(self, state_dir: str, plugin: str) -> None:
        self._state_dir = state_dir
        self._plugin = plugin
        self._read: dict[int, int] = {}

    def new(self) -> Iterator[dict[str, Any]]:
        for path in log_files(self._state_dir, self._plugin):
            yield from self._new_of(path)

    def _new_of(self, path: Path) -> Iterator[dict[str, Any]]:
        try:
            with path.open("rb") as file:
                inode = os.fstat(file.fileno()).st_ino
                file.seek(self._read.get(inode, 0))
                raw = file.read()
        except OSError:
            return
        whole = raw[: raw.rfind(b"\n") + 1]
        self._read[inode] = self._read.get(inode, 0) + len(whole)
        yield from read_lines(whole)


def _wanted(line: dict[str, Any], args: argparse.Namespace) -> bool:
    level = line.get("level")
    # A level that a plugin made up is worth a look.
    rank = _LEVELS.index(level) if level in _LEVELS else len(_LEVELS)
    return rank >= _LEVELS.index(args.level) and args.trace in ("", line.get("trace"))


def _text(line: dict[str, Any]) -> str:
    at = str(line.get("at", ""))[:23].replace("T", " ")
    source = {"print": "printed", "host": "host"}.get(str(line.get("source")), "")
    level = source or str(line.get("level", ""))
    fields: object = line.get("fields")
    rest = (
        "".join(f" {key}={value!r}" for key, value in fields.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if isinstance(fields, dict)
        else ""
    )
    said = f"{at} {line.get('plugin')}: {level}: {line.get('message', '')}{rest}"
    # Set in, so that no line of a plugin's passes for an entry of its own.
    return clean(said).rstrip("\n").replace("\n", "\n    ")
