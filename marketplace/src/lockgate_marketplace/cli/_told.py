"""How an offer is told to its owner, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.grants import tier_missing
from lockgate_marketplace.consent import told
from lockgate_marketplace.install import Plan
from lockgate_marketplace.install.agreed import Case, Given

__all__ = ["done_lines", "given_lines", "introduced", "row_of"]


def introduced(case: Case) -> list[str]:
    """Who it is by, what it wants, and what comes with it."""
    lines = [f"{case.name} {case.version} {case.offer.origin.describe()}"]
    if case.before is not None and case.moved:
        old = f"{case.name} {case.before.version}, which it replaces,"
        lines.append(f"{old} did not come from there.")
    lines += told(f"{case.name} {case.version}", case.asked, case.allowed)
    others = case.offer.origins[1:]
    if others:
        names = ", ".join(f"{one.name} {one.version}" for one in others)
        lines.append(f"It brings {names}, which may do the same.")
    lines += _displaced(case)
    lines += _beyond(case)
    lines += [f"note: {note}" for note in case.offer.plan.notes]
    return [*lines, *(f"warning: {warning}" for warning in case.offer.warnings)]


def _displaced(case: Case) -> list[str]:
    """What of the host's own environment it takes the place of: a copy in work, say."""
    before = case.displaced
    if before is None:
        return []
    place = before.path[0] if before.editable and before.path else before.location
    kind = "the editable copy" if before.editable else "the copy"
    until = f"is not used until you `lockgate uninstall {before.name}`."
    return [f"It takes the place of {kind} in {place}, which {until}"]


def _beyond(case: Case) -> list[str]:
    """What the source of what it brings does, and the plugin does not ask for."""
    told = [f"  {line}" for one in case.along for line in one.told()]
    if not told:
        return []
    head = "Their source has code for more than it asks for, which its seal refuses:"
    return [head, *told]


def done_lines(
    case: Case,
    granted: Given,
    generation: int,
    *,
    again: bool = False,
    shown: bool = False,
) -> list[str]:
    """What was installed, for a person; `again`: it was there, just so.

    With `shown` they have read who it is by and what is to be known of it.
    """
    told = f"{case.name} {case.version}"
    said = f"{told} is installed already" if again else f"Installed {told}"
    lines = [f"{said} (generation {generation})."]
    lines += [] if shown else [f"  {case.offer.origin.describe()}"]
    if granted:
        lines.append(f"  granted: {', '.join(sorted(granted))}")
        lines += [
            f"    {key}: by the {by}" for key, by in sorted(granted.items()) if by
        ]
    lacking = sorted(case.keys - granted.keys())
    if lacking:
        lines.append(f"  not granted: {', '.join(lacking)}")
        useless = tier_missing(case.name, lacking, granted)
        lines += [f"  {useless}"] if useless else []
    if shown:
        return lines
    lines += [f"  {line}" for line in (*_displaced(case), *_beyond(case))]
    return [*lines, *(f"  warning: {warning}" for warning in case.offer.warnings)]


def given_lines(given: Iterable[tuple[Plan, Given]]) -> list[str]:
    """What was granted, for a person."""
    return [
        f"granted to {plan.manifest.name}: {key}" + (f", by the {by}" if by else "")
        for plan, rights in given
        for key, by in sorted(rights.items())
    ]


def _by(granted: Given, key: str) -> str:
    return granted[key] or "owner" if key in granted else ""


def row_of(case: Case, granted: Given, generation: int) -> dict[str, object]:
    """What was installed, or would be, as plain data."""
    plan = case.offer.plan
    return {
        "plugin": case.name,
        "version": case.version,
        "installed": bool(generation),
        "generation": generation,
        "index": case.offer.origin.index,
        "by": case.offer.origin.finding.identity.to_data(),
        "wheels": [
            {
                "filename": wheel.filename,
                "sha256": wheel.sha256,
                "index": origin.index,
                "by": origin.finding.describe(),
            }
            for wheel, origin in zip(plan.wheels, case.offer.origins, strict=True)
        ],
        "rights": [
            {
                "right": one.right.key,
                "change": one.change,
                "granted": one.right.key in granted,
                "by": _by(granted, one.right.key),
            }
            for one in case.asked
        ],
        "notes": list(plan.notes),
        "displaces": case.displaced.location if case.displaced is not None else None,
        "beyond": [one.to_data() for one in case.along if not one.quiet],
        "warnings": list(case.offer.warnings),
    }
