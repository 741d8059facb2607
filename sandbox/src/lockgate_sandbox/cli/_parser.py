"""The parser of every verb: a mistake is told in one line, with the way out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

__all__ = ["Parser"]

_USAGE = 2

_ELSEWHERE = {
    **dict.fromkeys(("--timeout", "--time", "--deadline", "--seconds"), "--wall"),
    **dict.fromkeys(("--mem", "--ram", "--max-memory"), "--memory"),
    **dict.fromkeys(("--processes", "--procs", "--threads"), "--pids"),
    **dict.fromkeys(("--net", "--network", "--host", "--allow-host"), "--allow-net"),
    **dict.fromkeys(("--read", "--ro-bind", "--mount", "--volume"), "--allow-read"),
    **dict.fromkeys(("--write", "--bind", "--rw"), "--allow-write"),
    **dict.fromkeys(("--allow-env", "--setenv"), "--env NAME[=VALUE]"),
    **dict.fromkeys(("--json", "--output"), "--report FILE"),
    **dict.fromkeys(("--cpus", "--cores"), "--cpu-share"),
}
"""What other tools call an option, and what we do."""

_PROGRAMS = ("--allow-exec", "--allow-run", "--allow-program", "--allow-subprocess")
_NO_PROGRAMS = (
    "a file run this way starts no programs; from Python: Policy(programs=...), "
    "Sandbox.run_program"
)


class Parser(argparse.ArgumentParser):
    """Answers a mistake with one line and a hint instead of the whole usage."""

    _below: Any = None

    def add_subparsers(self, **given: Any) -> Any:
        """As argparse's; what it makes is asked when none of them was named."""
        self._below = super().add_subparsers(**given)
        return self._below

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong and end with status 2."""
        below = self._below
        if below is not None and message.endswith(f"required: {below.metavar}"):
            message = f"{below.metavar} is missing: {', '.join(below.choices)}"
        self._fail(message, self._meant(message) or f"see {self.prog} --help")

    def _meant(self, message: str) -> str:
        """The way out of a choice that there is not, in argparse's words about it."""
        import re

        found = re.search(r"invalid choice: '?(.*?)'? \(choose from (.*)\)$", message)
        if found is None:
            return ""
        word, known = found[1][:80], re.findall(r"[\w.+-]+", found[2])
        if word.endswith(".py") and "run" in known:
            return f"did you mean {self.prog} run {word}?"
        return _near(word, known)

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,
    ) -> tuple[Any, list[str]]:
        """As argparse's, but here a stranger is a mistake: only we know our options."""
        found, strangers = super().parse_known_args(args, namespace)
        if strangers:
            said = f"unrecognized arguments: {' '.join(strangers)}"
            self._fail(said, self._near(strangers[0]) or f"see {self.prog} --help")
        return found, strangers

    def next_words(self, before: Sequence[str], last: str) -> Iterable[str]:
        """What `last`, behind the words `before`, can become; nothing if unknown."""
        words, places = iter(before), self._get_positional_actions()
        given = 0
        for word in words:
            option = self._option_string_actions.get(word)
            if option is not None:
                if option.nargs is None and next(words, None) is None:
                    return option.choices or ()
            elif not word.startswith("-") or word == "-":
                if self._below is not None:
                    below = self._below.choices.get(word)
                    return below.next_words([*words], last) if below else ()
                given += 1
        if any(place.nargs == argparse.REMAINDER for place in places) and given:
            return ()  # another program's
        if last.startswith("-"):
            return self._option_string_actions
        return (places[given].choices or ()) if given < len(places) else ()

    def _near(self, stranger: str) -> str:
        word = stranger.partition("=")[0][:80]
        known = [name for name in self._option_string_actions if name.startswith("--")]
        meant = _ELSEWHERE.get(word, "")
        if meant.partition(" ")[0] in known:
            return f"did you mean {meant}?"
        if word in _PROGRAMS and "--allow-read" in known:
            return _NO_PROGRAMS
        return _near(word, known)

    def _fail(self, message: str, hint: str) -> NoReturn:
        print(f"{self.prog}: {message}\n  hint: {hint}", file=sys.stderr)
        sys.exit(_USAGE)


def _near(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    near = get_close_matches(word, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else ""
