"""From a command line to one command's module, and from an error to a status.

Exit statuses are a contract: 0 done, 1 findings or failures of the work, 2 usage,
3 the input was refused with reasons; 130 interrupted, 141 the reader went away.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from lockgate import __version__
from lockgate._manifest.reserved import RESERVED_NOUNS
from lockgate.cli._verbs import VERBS, make_parser, near_option
from lockgate.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

__all__ = ["main"]

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


@dataclass(slots=True)
class _Line:
    """A command line taken apart: global options, the verb, what follows it."""

    verb: str = ""
    rest: list[str] = field(default_factory=list[str])
    overrides: list[str] = field(default_factory=list[str])
    chosen: list[str] = field(default_factory=list[str])
    debug: bool = False
    safe: bool = False
    help: bool = False

    @property
    def json(self) -> bool:
        words = self.rest[: self.rest.index("--")] if "--" in self.rest else self.rest
        return "--json" in words and self.verb != "sandbox"


def main(arguments: Sequence[str]) -> int:
    """Run one command line; every error ends here, as text and a status."""
    line = _Line(debug=bool(os.environ.get("LOCKGATE_DEBUG")))
    try:
        _split(arguments, line)
        status = _run(line)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:
        return _failed(error, line)
    return status


def _failed(error: Exception, line: _Line) -> int:
    from lockgate.cli._output import print_error

    if line.debug:
        import traceback

        traceback.print_exc()
    return print_error(error, as_json=line.json)


def _split(arguments: Sequence[str], line: _Line) -> None:
    """Take the global options, which stand before the verb, off `arguments`."""
    words = list(arguments)
    while words:
        word = words.pop(0)
        name, _, value = word.partition("=")
        if word in ("-h", "--help"):
            line.help = True
        elif word in ("-V", "--version"):
            line.verb = "--version"
        elif word == "--debug":
            line.debug = True
        elif word == "--safe":
            line.safe = True
        elif name == "--set":
            if word == "--set":
                if not words:
                    raise UsageError("--set needs a key=value")
                value = words.pop(0)
            line.overrides.append(value)
        elif word == "-p":
            if not words:
                raise UsageError("-p needs a NAME or no:NAME")
            line.chosen.append(words.pop(0))
        elif word.startswith("-"):
            options = ["--debug", "--help", "--safe", "--set", "--version"]
            raise UsageError(
                f"unknown option {word!r} before the command",
                hint=near_option(word, options)
                or "Options of a command stand behind its name.",
            )
        else:
            line.verb, line.rest = word, words
            return


def _run(line: _Line) -> int:
    if line.verb == "--version":
        sys.stdout.write(f"lockgate {__version__}\n")
        return 0
    if line.verb == "help" and line.rest:
        line.verb, line.rest = line.rest[0], [*line.rest[1:], "--help"]
    elif line.help or line.verb in ("", "help"):
        from lockgate.cli._help import print_help

        print_help(line.overrides, line.chosen, safe=line.safe)
        return 0 if line.help or line.verb == "help" else 2
    if line.verb in VERBS:
        return _run_module(line, import_module(VERBS[line.verb].module))
    if line.verb in RESERVED_NOUNS:
        from lockgate.cli._brought import brought_module

        module = brought_module(line.verb, overrides=line.overrides, chosen=line.chosen)
        if module is not None:
            return _run_module(line, module)
    from lockgate.cli._contributed import run_contributed

    return run_contributed(
        line.verb,
        line.rest,
        overrides=line.overrides,
        chosen=line.chosen,
        safe=line.safe,
    )


def _run_module(line: _Line, module: ModuleType) -> int:
    parser = make_parser("lockgate")
    # Named, since argparse would format a usage (and import shutil) to find out.
    module.add(parser.add_subparsers(required=True, metavar="COMMAND", prog="lockgate"))
    args = parser.parse_args([line.verb, *line.rest])
    args.overrides = line.overrides
    args.chosen = line.chosen
    args.safe = line.safe
    args.debug = line.debug
    run: Callable[[argparse.Namespace], int] = module.run
    return run(args)
