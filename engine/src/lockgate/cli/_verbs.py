"""The built-in commands by name, and the parser that each of them fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from lockgate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

__all__ = ["VERBS", "Verb", "actions_of", "make_parser", "near_option", "verbs_below"]


class Verb(NamedTuple):
    """A built-in command: the module that is it, and its line in the help."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "bisect": Verb("lockgate.cli.bisect", "Find the plugin that breaks a command."),
    "call": Verb("lockgate.cli.call", "Call one hook and print the answers."),
    "check": Verb("lockgate.cli.check", "Check a plugin's project."),
    "completion": Verb(
        "lockgate.cli.completion", "Let a shell complete commands and names."
    ),
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
        def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
            self, args: Any = None, namespace: Any = None
        ) -> Any:
            found, extra = super().parse_known_args(args, namespace)
            if extra:
                raise _unknown(self, extra[0])
            return found, extra

        def add_argument(self, *names: Any, **given: Any) -> Any:
            if given.get("choices") and not names[0].startswith("-"):
                self._actions_named = [*given["choices"]]
            return super().add_argument(*names, **given)

        def add_subparsers(self, **given: Any) -> Any:
            self._below = super().add_subparsers(**given)
            return self._below

        def error(self, message: str) -> NoReturn:
            below: Any = getattr(self, "_below", None)
            if below is not None and message.endswith(f"required: {below.metavar}"):
                message = f"{below.metavar} is missing: {', '.join(below.choices)}"
            near = _near_choice(message)
            raise UsageError(message, hint=near or f"Try: {self.prog} --help")

    return Parser(prog=prog, description=description or None, allow_abbrev=False)


def verbs_below(
    parser: argparse.ArgumentParser,
) -> Mapping[str, argparse.ArgumentParser]:
    """The parsers below one of `make_parser`, by their names."""
    below = getattr(parser, "_below", None)
    return below.choices if below is not None else {}


def actions_of(parser: argparse.ArgumentParser) -> Sequence[str]:
    """What the first word of a command may be, where that is one of a few."""
    named: Sequence[str] = getattr(parser, "_actions_named", ())
    return [*verbs_below(parser), *named]


_SANDBOX_RUN = frozenset(
    {
        *("--allow-net", "--allow-read", "--allow-write", "--cpu", "--env", "--memory"),
        *("--path", "--pids", "--policy", "--report", "--tier", "--wall", "-c"),
    }
)
"""Options of ``sandbox run``, which is what others call ``run``."""

_WITHOUT_ASKING = (
    "What it asks for is agreed to by name: --grant RIGHT, --grant-all, or "
    "--policy FILE. One that asks for nothing is not asked about."
)


def _grants(option: str, known: Sequence[str]) -> bool:
    """Whether `option` is what others call agreeing to everything."""
    return option in ("-y", "--yes", "--assume-yes") and "--grant-all" in known


def near_option(option: str, known: Sequence[str]) -> str:
    """A sentence that names the known options nearest to `option`, or ``""``."""
    # The dashes are alike in all of them, and would make "--yes" close to "--pre".
    dashes = len(option) - len(option.lstrip("-"))
    alike = [name for name in dict.fromkeys(known) if name[:dashes] == "-" * dashes]
    words = [name[dashes:] for name in alike]
    return did_you_mean(option[dashes:], words).replace(" '", " '" + "-" * dashes)


def _near_choice(message: str) -> str:
    """What was meant, in argparse's words about a choice that there is not."""
    import re

    found = re.search(r"invalid choice: '?([^']*?)'? \(choose from (.*)\)$", message)
    if found is None:
        return ""
    return did_you_mean(found[1], re.findall(r"[\w.+-]+", found[2]))


def _unknown(parser: argparse.ArgumentParser, word: str) -> UsageError:
    """A word that no argument of a command takes."""
    import re

    option = word.partition("=")[0]
    if not option.startswith("-"):
        what, near = f"there is no place for {word!r}", ""
    else:
        known = re.findall(r"(?<![\w-])--?[a-z][\w-]*", parser.format_help())
        what = f"there is no option {option!r}"
        near = _WITHOUT_ASKING if _grants(option, known) else near_option(option, known)
        if option in _SANDBOX_RUN and parser.prog == "lockgate run":
            near = f"`lockgate sandbox run` has {option}; `run` runs pipelines."
    return UsageError(
        f"{what} in `{parser.prog}`", hint=near or f"Try: {parser.prog} --help"
    )
