"""TOML from strangers: tomllib, behind a look at what would make it explode.

For a key of n dotted parts tomllib copies n * n / 2 of them: 250 KiB of ``a.a.a…``
take 60 GB. A key stands on one line, so the dots of each line are counted first.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

__all__ = ["DOTS_LIMIT", "load_toml", "quoted"]

DOTS_LIMIT = 512
"""Most dots on one line, those of plain decimal numbers left out."""

_DECIMAL = re.compile(r"(?<![^\s,=\[])[-+]?[0-9_]+\.[0-9_]+(?![^\s,\]}eE])")


def load_toml(text: str) -> dict[str, Any]:
    """The document in `text`.

    Raises:
        ValueError: If it is not TOML, or a line holds too many dots.
        RecursionError: If it is nested too deeply.
    """
    for number, line in enumerate(text.split("\n"), 1):
        dots = line.count(".")
        if dots > DOTS_LIMIT and dots - len(_DECIMAL.findall(line)) > DOTS_LIMIT:
            msg = (
                f"More than {DOTS_LIMIT} dots on one line (at line {number}, column 1)"
            )
            raise tomllib.TOMLDecodeError(msg)
    return tomllib.loads(text)


def quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes, and DEL, which JSON lets pass."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
