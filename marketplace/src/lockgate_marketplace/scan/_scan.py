"""One wheel: what it does beside what it declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate.manifest import Manifest
from lockgate.project import source_findings
from lockgate.values import Finding
from lockgate_marketplace.errors import ScanError
from lockgate_marketplace.wheel import Wheel

__all__ = ["Verdict", "check_verdict", "line_of", "scan"]

_READ = (".py", ".pyc", ".pth", ".so")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, split by what it means.

    `undeclared` are rights that are used and not asked for, `opaque` says that some
    code can't be read, `notes` are the rest (asked for and not used).
    """

    undeclared: tuple[Finding, ...] = ()
    opaque: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()

    def told(self) -> tuple[str, ...]:
        """All of it, a line for each."""
        return tuple(
            f"source: {line}"
            for found in (self.undeclared, self.opaque, self.notes)
            for line in map(line_of, found)
        )


def scan(wheel: Wheel, manifest: Manifest) -> Verdict:
    """Read the source of `wheel`, whose manifest is `manifest`; nothing is run."""
    files = {
        member.path: wheel.read(member)
        for member in wheel.members
        if member.area == "site" and member.path.endswith(_READ)
    }
    found = tuple(source_findings(files, manifest, wheel.manifest_path))
    return Verdict(
        tuple(f for f in found if f.rule == "right-undeclared"),
        tuple(f for f in found if f.rule == "source-opaque"),
        tuple(f for f in found if f.rule not in ("right-undeclared", "source-opaque")),
    )


def check_verdict(
    verdict: Verdict, wheel: Wheel, *, undeclared: bool = False, opaque: bool = False
) -> None:
    """Refuse what the owner has not said is fine.

    Raises:
        ScanError: ``scan-undeclared-right`` or ``scan-unreadable``.
    """
    for found, accepted, code in (
        (verdict.undeclared, undeclared, "scan-undeclared-right"),
        (verdict.opaque, opaque, "scan-unreadable"),
    ):
        if found and not accepted:
            raise ScanError(
                code,
                _told(found),
                where=wheel.filename,
                findings=[f"{one.path}: {one.message}" for one in found],
            )


def _told(found: Sequence[Finding]) -> str:
    lines = [line_of(one) for one in found[:_SHOWN]]
    more = len(found) - len(lines)
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def line_of(one: Finding) -> str:
    """A finding in one line: where, and what."""
    place = f"{one.path}:{one.range.start.line}" if one.range is not None else one.path
    return f"{place} {one.message}"
