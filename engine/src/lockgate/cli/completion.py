"""``lockgate completion``: words for the Tab key of bash, zsh and fish.

The scripts are the sandbox's, and ask this command at each Tab, so that installed
plugins and their commands are among the words. Nothing is imported of a plugin.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from importlib import import_module

from lockgate.cli._brought import brought, brought_module
from lockgate.cli._output import print_lines
from lockgate.cli._session import Subparsers, installed, tolerant_settings
from lockgate.cli._verbs import VERBS, actions_of, make_parser, verbs_below
from lockgate.discovery import PluginState
from lockgate.errors import LockgateError
from lockgate_sandbox.cli.completion import add_arguments, offered, script

__all__ = ["add", "run"]

_OF_PLUGINS = frozenset(
    {
        *("data", "disable", "enable", "grants", "info", "logs", "pin", "quarantine"),
        *("reload", "trace", "uninstall", "unpin", "upgrade", "why"),
    }
)
"""Verbs that are told the name of a plugin."""

_OF_HOOKS = frozenset({"call", "hooks", "trace"})
_GLOBAL = ("--debug", "--help", "--safe", "--set", "--version")
_VALUED = ("--set", "-p")


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "Print what makes a shell complete lockgate's commands, for it to read."
    parser = subparsers.add_parser("completion", description=about)
    add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print a script, or the words for one Tab.

    Raises:
        UsageError: If no shell is named.
    """
    if args.words is not None:
        print_lines(_words(args.words or [""], args))
        return 0
    if args.shell is None:
        from lockgate.errors import UsageError

        hint = 'For example: eval "$(lockgate completion bash)"'
        raise UsageError("SHELL is missing: bash, fish, zsh", hint=hint)
    print_lines([script(args.shell, "lockgate", "lockgate").rstrip("\n")])
    return 0


def _words(words: Sequence[str], args: argparse.Namespace) -> list[str]:
    """What the last of `words`, which may be empty, can become."""
    config, _ = tolerant_settings(args.overrides, args.chosen)
    try:
        plugins = installed(config).plugins
        found = _candidates(list(words[:-1]), words[-1], plugins)
    except LockgateError:  # what is wrong is told by a command, not by a Tab
        return []
    return offered(found, words[-1])


def _candidates(
    before: list[str], last: str, plugins: Sequence[PluginState]
) -> Iterable[str]:
    while before and before[0].startswith("-"):
        option = before.pop(0)
        if option in _VALUED:
            if not before:
                return _names(plugins) if option == "-p" else ()
            before.pop(0)
    if not before:
        if last.startswith("-"):
            return _GLOBAL
        nouns = (plugin.noun for plugin in plugins if plugin.noun and plugin.usable)
        verbs = (verb.name for verb, plugin in brought(plugins) if plugin.usable)
        return {*VERBS, *verbs, *nouns, "help"}
    verb, given = before[0], [w for w in before[1:] if not w.startswith("-")]
    if verb == "help":
        return {*VERBS, *(offer.name for offer, _ in brought(plugins))}
    top = parser = _parser(verb, plugins)
    if top is None or parser is None:
        return ()
    for word in given:
        parser = verbs_below(parser).get(word, parser)
    if last.startswith("-"):
        return re.findall(r"(?<![\w-])--?[a-z][\w-]*", parser.format_help())
    if before[-1] == "--plugin":
        return _names(plugins)
    acts = bool(actions_of(top))
    if acts and not given:
        return actions_of(top)
    return _named(verb, plugins) if len(given) == acts else ()


def _named(verb: str, plugins: Sequence[PluginState]) -> Iterable[str]:
    """Plugins or hooks, where `verb` is told one."""
    found: set[str] = set()
    if verb in _OF_HOOKS:
        from lockgate._seating.registry import specs_of

        found |= {*specs_of(plugins)}
    return found | _names(plugins) if verb in _OF_PLUGINS else found


def _names(plugins: Sequence[PluginState]) -> set[str]:
    return {plugin.name for plugin in plugins}


def _parser(
    verb: str, plugins: Sequence[PluginState]
) -> argparse.ArgumentParser | None:
    """The parser of a command; None if there is no such command."""
    if verb in VERBS:
        module = import_module(VERBS[verb].module)
    elif any(offer.name == verb for offer, _ in brought(plugins)):
        found = brought_module(verb, overrides=[], chosen=[])
        if found is None:
            return None
        module = found
    else:
        from lockgate.cli._contributed import parser_of

        for plugin in plugins:
            if plugin.noun == verb and plugin.usable and plugin.manifest is not None:
                return parser_of(verb, plugin.manifest)
        return None
    top = make_parser("lockgate")
    module.add(top.add_subparsers(metavar="COMMAND", prog="lockgate"))
    return verbs_below(top)[verb]
