"""``completion``: words for the Tab key of bash, zsh and fish.

The script that a shell reads holds no word of ours: it asks its program at each Tab,
and takes what is printed as text. None of the shells evaluates it. A command line of
which this one is a part has a script of its own, by `add_arguments`, `script` and
`offered`.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Iterable, Sequence

__all__ = ["ABOUT", "SHELLS", "add_arguments", "main", "offered", "script"]

ABOUT = "Print what makes a shell complete lockgate-sandbox's words, for it to read."
"""What ``--help`` says."""

_BASH = """\
# PROGRAM's words for bash: source this, or: eval "$(PROGRAM completion bash)"
_FUNCTION() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(COMMAND "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _FUNCTION PROGRAM
"""

_ZSH = """\
#compdef PROGRAM
# PROGRAM's words for zsh: source this behind compinit, or put it into $fpath.
_FUNCTION() {
    local -a found
    found=("${(@f)$(COMMAND "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _FUNCTION PROGRAM
"""

_FISH = """\
# PROGRAM's words for fish: ~/.config/fish/completions/PROGRAM.fish
function __FUNCTION_words
    set -l before (commandline -opc)
    COMMAND $before[2..-1] (commandline -ct) 2>/dev/null
end
complete -c PROGRAM -a '(__FUNCTION_words)'
"""

_SCRIPTS = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}

SHELLS = tuple(sorted(_SCRIPTS))
"""The shells that there is a script for."""

_WORD = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.+-]{0,127}")
"""What is offered: a name may be anybody's, with line ends and what a shell runs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the arguments of ``completion``."""
    parser.add_argument(
        "shell", nargs="?", choices=SHELLS, metavar="SHELL", help="bash, zsh or fish"
    )
    parser.add_argument(
        "--words",
        nargs="*",
        metavar="WORD",
        help="what the last of these words can become (the scripts ask this)",
    )
    parser.set_defaults(usage_error=parser.error)
    _keep_words(parser)


def _keep_words(parser: argparse.ArgumentParser) -> None:
    """What follows ``--words`` is another command line: argparse would take ``--``."""
    plain = parser.parse_known_args

    def parse(
        args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        words = list(args or ())
        into = argparse.Namespace() if namespace is None else namespace
        if words[:1] == ["--words"]:
            into.shell, into.words = None, words[1:]
            return into, []
        return plain(words, into)

    vars(parser)["parse_known_args"] = parse


def script(shell: str, program: str, module: str) -> str:
    """What makes `shell` complete the words of `program`, whose module is `module`."""
    # -P: the working folder is anybody's, and a Tab must not import from it.
    command = shlex.join([sys.executable, "-P", "-m", module])
    return (
        _SCRIPTS[shell]
        .replace("PROGRAM", program)
        .replace("FUNCTION", program.replace("-", "_"))
        .replace("COMMAND", f"{command} completion --words")
    )


def offered(found: Iterable[str], last: str) -> list[str]:
    """Those of `found` that begin with `last` and that any shell takes as a word."""
    return sorted({w for w in found if w.startswith(last) and _WORD.fullmatch(w)})


def main(args: argparse.Namespace) -> int:
    """Print a script, or the words for one Tab; gives the exit status."""
    if args.words is not None:
        from lockgate_sandbox.cli import parser

        *before, last = args.words or [""]
        for word in offered(parser().next_words(before, last), last):
            print(word)
    elif args.shell is not None:
        print(script(args.shell, "lockgate-sandbox", "lockgate_sandbox"), end="")
    else:
        args.usage_error(f"SHELL is missing: {', '.join(SHELLS)}")
    return 0
