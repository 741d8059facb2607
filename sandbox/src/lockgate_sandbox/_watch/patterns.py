"""Globs of what is read back from a worker's folder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lockgate_sandbox._spelling.arguments import check_lists
from lockgate_sandbox.errors import PolicyError

__all__ = ["SECONDS_LIMIT", "pattern_to_regex", "regexes"]

SECONDS_LIMIT = 30.0
"""To look for what they match may take this long: nobody else bounds it."""

_CHARS_LIMIT = 256
_COUNT_LIMIT = 64


def regexes(patterns: Sequence[str]) -> list[re.Pattern[str]]:
    """Each of `patterns` as `pattern_to_regex` gives it.

    Raises:
        PolicyError: If one makes no sense, there are too many, or it is one text.
    """
    check_lists(collect=patterns)
    if len(patterns) > _COUNT_LIMIT:
        raise PolicyError(f"at most {_COUNT_LIMIT} patterns, not {len(patterns)}")
    return [pattern_to_regex(pattern) for pattern in patterns]


def pattern_to_regex(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: ``**`` crosses folders, ``*`` and ``?`` don't.

    A pattern may be meant to keep the host busy, so the expression never goes
    back on a choice: each part but the last one behind ``**`` is matched where it
    first fits, which loses nothing, since whatever follows could start there too.

    Raises:
        PolicyError: If the pattern is absolute, empty, too long or has a ``..``
            part.
    """
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        msg = f"what is collected is named relative to the folder, not {pattern!r}"
        raise PolicyError(msg)
    if len(pattern) > _CHARS_LIMIT:
        msg = f"a pattern has at most {_CHARS_LIMIT} characters"
        raise PolicyError(msg)
    leads = ["", *_DEEP.findall(pattern)]
    runs = _DEEP.split(pattern)
    regex = ""
    for lead, run in zip(leads[:-1], runs[:-1], strict=True):
        regex += f"(?>{_LAZY[lead]}{_run(run)})"
    last = _run(runs[-1], last=True)
    return re.compile(f"{regex}{_LAZY[leads[-1]]}{last}", re.DOTALL)


_DEEP = re.compile(r"(?:^|(?<=/))\*\*/|\*\*")
"""What crosses folders: any number of whole ones, or any text."""

_LAZY = {"": "", "**/": "(?:[^/]+/)*?", "**": ".*?"}


def _run(glob: str, *, last: bool = False) -> str:
    """The expression of a part without ``**``."""
    first, *rest = ("[^/]".join(map(re.escape, s.split("?"))) for s in glob.split("*"))
    if last and rest:
        *rest, end = rest
        return first + "".join(f"(?>[^/]*?{part})" for part in rest) + f"[^/]*{end}"
    return first + "".join(f"(?>[^/]*?{part})" for part in rest)
