"""One wheel: what it does beside what it declares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lockgate.manifest import Manifest
from lockgate.project import scanner_version, source_findings
from lockgate.values import Finding
from lockgate_marketplace.errors import ScanError
from lockgate_marketplace.scan._cache import VerdictCache
from lockgate_marketplace.scan._verdict import Verdict, line_of
from lockgate_marketplace.wheel import Wheel

__all__ = ["check_verdict", "scan"]

_READ = (".py", ".pyc", ".pth", ".so")
_SHOWN = 5


def scan(
    wheel: Wheel, manifest: Manifest, cache: VerdictCache | None = None
) -> Verdict:
    """Read the source of `wheel`, whose manifest is `manifest`; nothing is run.

    What `cache` knows of these bytes and this manifest, by these very readers, is not
    read again.
    """
    scanner, subject = scanner_version(), _subject(wheel, manifest)
    known = cache.get(subject, scanner) if cache is not None else None
    if known is not None:
        return known
    files = {
        member.path: wheel.read(member)
        for member in wheel.members
        if member.area == "site" and member.path.endswith(_READ)
    }
    found = tuple(source_findings(files, manifest, wheel.manifest_path))
    verdict = Verdict(
        tuple(f for f in found if f.rule == "right-undeclared"),
        tuple(f for f in found if f.rule == "source-opaque"),
        tuple(f for f in found if f.rule not in ("right-undeclared", "source-opaque")),
    )
    if cache is not None:
        cache.put(subject, scanner, verdict)
    return verdict


def _subject(wheel: Wheel, manifest: Manifest) -> str:
    """What a verdict is of. What comes along is judged by its plugin's manifest."""
    asked = json.dumps(manifest.to_data(), sort_keys=True, default=str)
    return f"{wheel.sha256}-{hashlib.sha256(asked.encode()).hexdigest()[:24]}"


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
