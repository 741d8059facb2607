"""``lockgate uninstall NAME…``: take plugins out of the store.

It works without the marketplace and however broken a plugin is: a generation without
them is written and put in force. No plugin is imported, and no file of one is
touched: running workers keep what they have, and a rollback brings it back.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lockgate.cli._output import (
    indented,
    print_json,
    print_lines,
)
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import NotInStoreError, UnknownPluginError

if TYPE_CHECKING:
    from lockgate.config import Config
    from lockgate.discovery import PluginState
    from lockgate.installed import Generation, Installed

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Take plugins out of the store. They are not imported."
    parser = subparsers.add_parser("uninstall", description=about)
    parser.add_argument("names", nargs="+", metavar="NAME", help="plugins")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Write the generation without them, and put it in force: all or none.

    Raises:
        UnknownPluginError: If nothing of a name is installed.
        NotInStoreError: If it was installed in another way.
        InstalledError: If the store is not sound, or can't be written.
    """
    from lockgate.installed import StoreFolder

    names: list[str] = list(dict.fromkeys(args.names))
    config = settings(args)
    store = StoreFolder(config.data_dir)
    found = installed(config)
    if found.store_error is not None:
        raise found.store_error
    plugins = found.plugins
    _entries(names, store.read(), plugins)  # before a folder is made for nothing
    with store.locked():
        now = store.read()
        gone = _entries(names, now, plugins)
        left = now.without(*(entry.distribution for entry in gone))
        made = store.commit(left, f"uninstall {' '.join(names)}")
        store.stage(without=[entry.distribution for entry in gone])
    return _tell(args, config, gone, made)


def _entries(
    names: Sequence[str], now: Generation, plugins: Sequence[PluginState]
) -> list[Installed]:
    """The entries of the generation that `names` stand for, each once."""
    found: dict[str, Installed] = {}
    for name in names:
        mine = [e for e in now.entries if name in (*e.plugins, e.distribution)]
        if not mine:
            _elsewhere(name, plugins)
        found.update((entry.distribution, entry) for entry in mine)
    return list(found.values())


def _elsewhere(name: str, plugins: Sequence[PluginState]) -> None:
    """Say of a plugin that the store does not have where it is, and the way out."""
    states = [s for s in plugins if name in (s.name, s.distribution) and not s.stored]
    if not states:
        known = [state.name for state in plugins if state.name != name]
        raise UnknownPluginError(name, known=known)
    state = states[0]
    if state.environment:
        hint = f"Take {state.distribution} out of `environments` in the settings."
    elif state.single_file:
        hint = f"Remove the file {state.location}."
    else:
        from lockgate._installer import pip_command

        hint = pip_command("uninstall", state.distribution)
    raise NotInStoreError(name, where=state.location or "its environment", hint=hint)


def _tell(
    args: argparse.Namespace,
    config: Config,
    gone: Sequence[Installed],
    made: Generation,
) -> int:
    states = installed(config).plugins
    names = {name for entry in gone for name in entry.plugins}
    # What an older installation on the search path has is in use again.
    back = [s for s in states if s.name in names]
    missing = [s for s in states if s.state == "missing-requirement"]
    bereft = [s for s in missing if names.intersection(s.requires)]
    if args.json:
        print_json(
            {
                "uninstalled": [
                    {
                        "distribution": entry.distribution,
                        "version": entry.version,
                        "plugins": list(entry.plugins),
                    }
                    for entry in gone
                ],
                "generation": made.number,
                "former": made.parent,
                "still-installed": [state.to_dict() for state in back],
                "missing-requirement": [state.name for state in bereft],
            }
        )
        return 0
    for entry in gone:
        words = ", ".join(entry.plugins) or entry.distribution
        print_lines([indented(f"{words} {entry.version} is uninstalled.")])
    for state in back:
        print_lines([indented(f"{state.name} is now {state.location}: {state.state}.")])
    for state in bereft:
        print_lines([indented(f"{state.name} can't be used: {state.reason}.")])
    former = f"generation {made.parent} has what was there before"
    print_lines([f"Generation {made.number} is in force; {former}."])
    return 0
