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
    lines = ["usage: lockgate [OPTIONS] COMMAND ...", "", _title("Commands")]
    verbs = {verb.name: verb.help for verb, plugin in brought(plugins) if plugin.usable}
    verbs |= {name: verb.summary for name, verb in VERBS.items()}
    lines += [_row(name, summary) for name, summary in sorted(verbs.items())]
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
