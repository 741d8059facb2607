"""Asking the owner at a terminal whether a grant is given.

The file has ended by then, and whatever it printed was made harmless. What was typed
before a question is no answer to it: the file may have asked for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Literal, TypeAlias, cast

from lockgate_sandbox.learning import Proposal
from lockgate_sandbox.terminal import colored, quoted
from lockgate_sandbox.tiers import Tier

__all__ = ["Answer", "Ask", "ask", "can_ask", "tried"]

Answer: TypeAlias = Literal["y", "n", "w", "q"]
Ask: TypeAlias = Callable[[Proposal, Proposal | None], Answer]

_SHOWN = 3
_LINE_BYTES = 4_096
_PROMPT = "\n  > "


def can_ask() -> bool:
    """Whether somebody sees questions and can answer them."""
    streams = (sys.stdin, sys.stderr)
    return all(one is not None and one.isatty() for one in streams)  # pyright: ignore[reportUnnecessaryComparison]


def tried(proposal: Proposal) -> str:
    """What the file tried, quoted."""
    told = [f"{one.right} {quoted(one.what)}" for one in proposal.denials[:_SHOWN]]
    more = len(proposal.denials) - _SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def ask(proposal: Proposal, wider: Proposal | None) -> Answer:
    """What the owner says to `proposal`, or to `wider`, where that is offered.

    The end of input means ``q``.
    """
    import termios  # which not every system has that knows the command line

    choices = "ynwq" if wider is not None else "ynq"
    text = _question(proposal, wider)
    while True:
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        sys.stderr.write(text)
        sys.stderr.flush()
        line = os.read(sys.stdin.fileno(), _LINE_BYTES).decode("ascii", "replace")
        if not line:
            sys.stderr.write("\n")
            return "q"
        answer = line.strip().lower()
        if len(answer) == 1 and answer in choices:
            return cast("Answer", answer)
        text = f"  answer with one of {', '.join(choices)}{_PROMPT}"


def _question(proposal: Proposal, wider: Proposal | None) -> str:
    phrase = proposal.phrase
    lines = [
        colored(f"May it {phrase}?", "bold", sys.stderr),
        f"  it tried: {tried(proposal)}",
    ]
    if not phrase.isascii():
        lines.append(f"  in ASCII: {ascii(phrase)[1:-1]}")
    if proposal.tier > Tier.READ_ONLY:
        lines.append(f"  it needs tier {proposal.tier}")
    lines.append("  y  yes")
    lines.append("  n  never")
    if wider is not None:
        lines.append(f"  w  wider: {wider.phrase}")
    lines.append("  q  stop asking")
    return "\n".join(lines) + _PROMPT
