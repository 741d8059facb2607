"""``lockgate enable|disable|pin|unpin``: which plugins are used, for good.

For the user by default, in ``plugins.toml`` of the configuration folder; with
``--project`` in the project's own settings. No plugin is imported.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lockgate.cli._output import (
    indented,
    one_line,
    print_json,
    print_lines,
)
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.discovery.choice import Rule
from lockgate.errors import (
    OutputError,
    UnknownPluginError,
    UsageError,
    state_in_words,
)

__all__ = ["add", "run"]

_ABOUT = {
    "enable": "Use a plugin again that was disabled.",
    "disable": "Use a plugin no more, until it is enabled.",
    "pin": "Use one version of a plugin and no other.",
    "unpin": "Use whatever version of a plugin is installed.",
}


def add(subparsers: Subparsers) -> None:
    """Describe the commands."""
    for verb, about in _ABOUT.items():
        parser = subparsers.add_parser(verb, description=f"{about} It is not imported.")
        name = "NAME==VERSION" if verb == "pin" else "NAME"
        parser.add_argument("plugin", metavar=name)
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--user", action="store_true", help="wherever I am (the default)"
        )
        where.add_argument(
            "--project", action="store_true", help="for everybody in this folder"
        )
        if verb in ("disable", "pin"):
            parser.add_argument("--reason", default="", metavar="TEXT", help="why")
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(verb=verb)


def run(args: argparse.Namespace) -> int:
    """Write the rule, and say in which state the plugin is now.

    Raises:
        UnknownPluginError: If nothing of that name is installed, nor is there a rule.
        UsageError: If ``pin`` is given no version.
        OutputError: If the file can't be written.
    """
    from lockgate._settings.choose import write_rule
    from lockgate.discovery import discover

    name, version = _named(args)
    config = settings(args)
    names = discover(
        cache_dir=config.cache_dir,
        data_dir=config.data_dir,
        plugin_folders=config.plugin_folders,
        environments=config.environments,
        bridges=config.bridges,
    ).names
    path = _project_file() if args.project else Path(config.choices_file)
    if args.project and path.is_symlink():
        message = "is a symbolic link, which may lead to anybody's file"
        hint = "Put the file itself there, or use --user."
        raise OutputError(message, path=str(path), hint=hint)
    old = next(
        (r for r in config.choice.rules if (r.plugin, r.source) == (name, str(path))),
        Rule(name),
    )
    if name not in names and old == Rule(name):
        raise UnknownPluginError(name, known=names)
    try:
        changed = write_rule(path, _new(args, old, version))
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}",
            path=str(path),
            hint="See who may write there, or use the other of --user and --project.",
        ) from None
    return _tell(args, name, path, changed=changed)


def _named(args: argparse.Namespace) -> tuple[str, str]:
    word: str = args.plugin
    name, separator, version = word.partition("==")
    if args.verb == "pin" and not (name and version):
        raise UsageError(
            f"{word!r} names no version", hint="Write: lockgate pin NAME==VERSION"
        )
    if args.verb != "pin" and separator:
        raise UsageError(f"{word!r} is no plugin's name", hint="Write NAME alone.")
    return name, version


def _new(args: argparse.Namespace, old: Rule, version: str) -> Rule:
    if args.verb in ("enable", "unpin"):
        off = {"disabled": False} if args.verb == "enable" else {"version": ""}
        return replace(old, **off)
    on = {"disabled": True} if args.verb == "disable" else {"version": version}
    new = replace(old, **on)
    reason: str = args.reason or old.reason
    if new == old and reason == old.reason:
        return old
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return replace(new, reason=reason, since=now)


def _project_file() -> Path:
    """The project's settings: where they are, or where they would be."""
    from lockgate.config import find_sources

    found = find_sources(environ={}).project_file
    if found:
        return Path(found)
    pyproject = Path.cwd() / "pyproject.toml"
    return pyproject if pyproject.exists() else Path.cwd() / "lockgate.toml"


def _tell(args: argparse.Namespace, name: str, path: Path, *, changed: bool) -> int:
    state = installed(settings(args)).get(name)
    if args.json:
        plugin = state.to_dict() if state is not None else None
        print_json({"file": str(path), "changed": changed, "plugin": plugin})
        return 0
    done = "written to" if changed else "nothing to change in"
    lines = [f"{args.verb} {one_line(name)}: {done} {one_line(path)}"]
    if state is None:
        lines.append(f"{one_line(name)} is not installed")
    else:
        about = f": {indented(state.reason)}" if state.reason else ""
        lines.append(f"{one_line(name)} is {state_in_words(state.state)}{about}")
    print_lines(lines)
    return 0
