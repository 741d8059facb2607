"""``lockgate --help``: the built-in commands, and those that plugins contribute.

A contributed command is read from its plugin's manifest; nothing is imported.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.cli._brought import brought
from lockgate.cli._output import clean, colored, print_lines
from lockgate.cli._session import installed, tolerant_settings
from lockgate.cli._verbs import VERBS
from lockgate.quantities import counted

__all__ = ["print_help"]

_GROUPS = (
    (
        "Use plugins",
        *("call", "demo", "find", "hooks", "info", "list", "run", "sandbox"),
    ),
    (
        "Get plugins",
        *("gc", "install", "lock", "outdated", "rollback", "search", "sync"),
        *("trust", "uninstall", "upgrade", "verify", "why"),
    ),
    (
        "Say what runs and what it may do",
        *(
            "completion",
            "config",
            "disable",
            "enable",
            "grants",
            "pin",
            "quarantine",
            "unpin",
        ),
    ),
    (
        "See what runs",
        *("bisect", "data", "doctor", "logs", "ps", "reload", "top", "trace"),
    ),
    ("Make plugins", "check", "dev", "docs", "index", "new", "publish", "test"),
)
"""What the commands are for, in the order in which they come to be needed."""

_OPTIONS = (
    ("-h, --help", "Show this, or the help of COMMAND."),
    ("-V, --version", "Show the version."),
    ("--set KEY=VALUE", "Override a setting; may be given several times."),
    ("-p NAME, -p no:NAME", "Use a plugin, or do without it; several times."),
    ("--safe", "Use the trusted base only."),
    ("--debug", "Show tracebacks."),
)


def print_help(
    overrides: Sequence[str], chosen: Sequence[str], *, safe: bool = False
) -> None:
    """Print the help of lockgate as a whole."""
    config, wrong = tolerant_settings(overrides, chosen)
    plugins = installed(config).plugins
    lines = ["usage: lockgate [OPTIONS] COMMAND ..."]
    verbs = {verb.name: verb.help for verb, plugin in brought(plugins) if plugin.usable}
    verbs |= {name: verb.summary for name, verb in VERBS.items()}
    for title, *names in (*_GROUPS, ("Other commands", *verbs)):
        rows = [_row(name, verbs.pop(name)) for name in names if name in verbs]
        lines += ["", _title(title), *rows] if rows else []
    contributed = [
        _row(f"{command.noun} {command.verb}", command.help)
        for plugin in plugins
        if plugin.noun and plugin.usable and (plugin.essential or not safe)
        if (manifest := plugin.manifest) is not None
        for command in manifest.commands
    ]
    if contributed:
        lines += ["", _title("Commands of plugins"), *contributed]
    lines += ["", _title("Options")]
    lines += [_row(name, summary) for name, summary in _OPTIONS]
    broken = sum(
        not (plugin.usable or plugin.state == "disabled") for plugin in plugins
    )
    if wrong:
        lines += ["", f"The settings are wrong: {clean(wrong)}"]
    if broken:
        lines += [
            "",
            f"{counted(broken, 'plugin')} cannot be used: see `lockgate list`.",
        ]
    print_lines(lines)


def _title(text: str) -> str:
    return colored(f"{text}:", "bold")


def _row(name: str, summary: str) -> str:
    return f"  {clean(name):<22} {clean(summary)}"
