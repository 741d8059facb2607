"""``entry_points.txt``, read raw: the groups of lockgate's and nothing else.

The packaging specification's file format (an INI of ``name = value`` lines);
importlib.metadata would read the same, after 20 ms of imports.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CLASSIC_GROUPS",
    "MANIFEST_GROUP",
    "OURS",
    "EntryPoint",
    "Wanted",
    "parse_entry_points",
]

MANIFEST_GROUP = "lockgate.manifest"

CLASSIC_GROUPS = (
    "lockgate.generator",
    "lockgate.analyzer",
    "lockgate.transformer",
    "lockgate.hardware",
    "lockgate.ai",
)
"""Groups of plugins without a manifest: their last word is the plugin's kind."""


class Wanted(NamedTuple):
    """The groups that are looked for.

    A file that holds none of `marks` is looked at no further; of one distribution
    at most `most` entry points are taken: more is a file that wants to be a burden.
    """

    groups: frozenset[str]
    marks: tuple[bytes, ...]
    most: int


OURS = Wanted(frozenset((MANIFEST_GROUP, *CLASSIC_GROUPS)), (b"lockgate.",), 64)
"""Lockgate's own groups."""


class EntryPoint(NamedTuple):
    """One line: ``name = value`` under ``[group]``."""

    group: str
    name: str
    value: str


def parse_entry_points(raw: bytes, wanted: Wanted = OURS) -> tuple[EntryPoint, ...]:
    """The entry points of the `wanted` groups in `raw`, in the file's order.

    Raises:
        ValueError: If the file is not UTF-8, a line in one of these groups is no
            ``name = value``, or there are too many of them.
    """
    if not any(mark in raw for mark in wanted.marks):
        return ()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("entry_points.txt is not UTF-8 text") from None
    group = ""
    found: list[EntryPoint] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words[0] in "#;":
            continue
        if words[0] == "[" and words[-1] == "]":
            group = words[1:-1].strip()
        elif group in wanted.groups:
            name, separator, value = words.partition("=")
            name, value = name.strip(), value.partition("[")[0].strip()
            if not separator or not name or not value or "\0" in words:
                raise ValueError(f"entry_points.txt:{number} is no `name = value`")
            found.append(EntryPoint(group, name, value))
    if len(found) > wanted.most:
        raise ValueError(f"entry_points.txt names more than {wanted.most} plugins")
    return tuple(found)
