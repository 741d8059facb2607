"""What a verb of the command line is made of: settings, output, progress.

For the modules that ``[[verbs]]`` of a trusted plugin's manifest names. Such a module
has ``add(subparsers: Subparsers)``, which describes its arguments, and
``run(args) -> int``, which returns the exit status: 0 done, 1 findings or failures,
2 usage, 3 the input was refused. ``--json`` is every verb's; with it, JSON is the only
thing on standard output. Errors are raised as `lockgate.errors.LockgateError`: the
command line prints them and ends with their `exit_status`.
"""

from __future__ import annotations

import sys

from lockgate.cli._output import (
    Color,
    clean,
    colored,
    one_line,
    print_json,
    print_lines,
    print_table,
    print_warning,
)
from lockgate.cli._progress import Report, progress
from lockgate.cli._session import Subparsers, installed, present, settings
from lockgate.quantities import counted, size

__all__ = [
    "Color",
    "Report",
    "Subparsers",
    "clean",
    "colored",
    "confirm",
    "counted",
    "installed",
    "is_terminal",
    "one_line",
    "present",
    "print_json",
    "print_lines",
    "print_table",
    "print_warning",
    "progress",
    "settings",
    "size",
]


def is_terminal() -> bool:
    """Whether somebody can be asked: standard input and error are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, *, default: bool = False) -> bool:
    """Whether the user says yes to `question`; `default` is what Enter means.

    It is asked on standard error, so that standard output stays the verb's. Where
    nobody can be asked (`is_terminal`) the answer is no: what has no consent is not
    done. The end of the input is Ctrl-C.

    Raises:
        KeyboardInterrupt: At the end of the input.
    """
    if not is_terminal():
        return False
    choices = "[Y/n]" if default else "[y/N]"
    while True:
        sys.stderr.write(f"{clean(question)} {choices} ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        answer = line.strip().lower()
        if not answer:
            return default
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
