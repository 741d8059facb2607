"""What somebody asks for: ``INDEX/NAME[EXTRA]==VERSION``."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from lockgate_marketplace.errors import ResolutionError

__all__ = ["Want"]


@dataclass(frozen=True, slots=True)
class Want:
    """A requirement, and the index that it names, if it names one."""

    requirement: Requirement
    index: str = ""

    @classmethod
    def parse(cls, text: str) -> Want:
        """Read it as it is written on the command line.

        Raises:
            ResolutionError: If it is none.
        """
        index, slash, rest = text.partition("/")
        named = bool(slash) and "@" not in index and " " not in index.strip()
        try:
            requirement = Requirement(rest if named else text)
        except (InvalidRequirement, RecursionError):
            message = f"{text[:120]!r} is no requirement"
            raise ResolutionError("resolve-want", message) from None
        if requirement.url is not None:
            message = f"{requirement.name} is wanted from an address, not an index"
            raise ResolutionError("resolve-want", message)
        return cls(requirement, index.strip() if named else "")
