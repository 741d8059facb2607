"""What a scan gives: rules, findings, and the rights that a finding speaks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["FileScan", "Finding", "Level", "Right", "Rule"]


class Level(StrEnum):
    """How much a finding weighs; the words are SARIF's.

    ``error``: an honest plugin has next to no reason for it. ``warning``: needs a
    right beyond computing, or runs code that a reader can't see. ``note``: worth
    knowing, and common.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for an error."""
        return _RANKS[self]


_RANKS = {Level.NOTE: 0, Level.WARNING: 1, Level.ERROR: 2}


class Right(StrEnum):
    """What source would need to be allowed, in the policy's words where it has one.

    ``dynamic`` and ``native`` are no rights that a policy grants: they say that the
    other rights may be incomplete, because the code that counts can't be read.
    """

    READ = "read"
    WRITE = "write"
    NET = "net"
    PROGRAM = "program"
    PROCESS = "process"
    THREAD = "thread"
    ENV = "env"
    NATIVE = "native"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for; `why` is a sentence for a person.

    `id` is stable and kebab-case. `right` is what a plugin needs to do it, if it is
    about a right.
    """

    id: str
    level: Level
    why: str
    right: Right | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule applies.

    Lines and columns count from 1, columns in characters; the end is one past the
    last character, as in SARIF. `subject` is what the right is about where a literal
    says it: a variable's name, a path, a program, a host.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    level: Level
    message: str
    right: Right | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class FileScan:
    """One file: its path in the tree, its hash, and what was found in it."""

    path: str
    sha256: str
    findings: tuple[Finding, ...]
