"""The built-in commands by name, and the parser that each of them fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from lockgate.errors import UsageError

if TYPE_CHECKING:
    import argparse

__all__ = ["VERBS", "Verb", "make_parser"]


class Verb(NamedTuple):
    """A built-in command: the module that is it, and its line in the help."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "bisect": Verb("lockgate.cli.bisect", "Find the plugin that breaks a command."),
    "call": Verb("lockgate.cli.call", "Call one hook and print the answers."),
    "check": Verb("lockgate.cli.check", "Check a plugin's project."),
    "config": Verb("lockgate.cli.config", "Show settings and where they came from."),
    "data": Verb("lockgate.cli.data", "See and remove what plugins keep."),
    "demo": Verb("lockgate.cli.demo", "Run the main job on bundled specs."),
    "dev": Verb("lockgate.cli.dev", "Check, test or call a project at each change."),
    "disable": Verb("lockgate.cli.choose", "Use a plugin no more."),
    "docs": Verb("lockgate.cli.docs", "Write a page about a plugin's project."),
    "doctor": Verb("lockgate.cli.doctor", "Find out what is wrong, and mend it."),
    "enable": Verb("lockgate.cli.choose", "Use a plugin again."),
    "find": Verb("lockgate.cli.find", "Find plugins by what they can do."),
    "grants": Verb("lockgate.cli.grants", "Show, give and take back rights."),
    "hooks": Verb("lockgate.cli.hooks", "List the hooks, or show one."),
    "info": Verb("lockgate.cli.info", "Show everything about one plugin."),
    "list": Verb("lockgate.cli.list", "List the installed plugins."),
    "logs": Verb("lockgate.cli.logs", "Show what plugins logged and printed."),
    "new": Verb("lockgate.cli.new", "Make a new plugin's project."),
    "ps": Verb("lockgate.cli.ps", "Show the plugins of running hosts."),
    "pin": Verb("lockgate.cli.choose", "Use one version of a plugin only."),
    "quarantine": Verb("lockgate.cli.quarantine", "See and end quarantines."),
    "reload": Verb("lockgate.cli.reload", "Reload a plugin in running hosts."),
    "run": Verb("lockgate.cli.run", "Run a pipeline of hook calls."),
    "sandbox": Verb("lockgate.cli.sandbox", "Run one Python file under a policy."),
    "test": Verb("lockgate.cli.test", "Run the tests of a plugin's project."),
    "top": Verb("lockgate.cli.top", "Watch the load of running plugins."),
    "trace": Verb("lockgate.cli.trace", "Show the latest calls of running hosts."),
    "uninstall": Verb("lockgate.cli.uninstall", "Take plugins out of the store."),
    "unpin": Verb("lockgate.cli.choose", "Use whatever version is installed."),
}
"""Every built-in command. Modules are imported when their command is called."""


def make_parser(prog: str, description: str = "") -> argparse.ArgumentParser:
    """A parser whose errors are `UsageError`, so that they end as all others do."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise UsageError(message, hint=f"Try: {self.prog} --help")

    return Parser(prog=prog, description=description or None, allow_abbrev=False)
