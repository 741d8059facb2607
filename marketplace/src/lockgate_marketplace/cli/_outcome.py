"""How is told what became of a distribution that was to be upgraded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lockgate_marketplace.cli._told import done_lines, introduced, row_of

if TYPE_CHECKING:
    from lockgate_marketplace.upkeep import Outcome

__all__ = ["lines_of", "outcome_row"]


def lines_of(one: Outcome, generation: int) -> Iterator[str]:
    """For a person."""
    name, version = one.entry.distribution, one.entry.version
    if one.case is not None and one.state == "upgraded":
        yield from done_lines(one.case, one.granted, generation)
    elif one.case is not None and one.state == "possible":
        yield from introduced(one.case)
        yield f"{name} {version} could become {one.case.version}. Nothing was changed."
    elif one.error is not None and one.case is not None and one.state == "staged":
        yield from introduced(one.case)
        yield f"Staged, not installed: {one.error.message}."
        yield f"  `lockgate upgrade {name} --grant-all`, or --grant each, installs it."
    elif one.error is not None:
        yield f"{name} {version} stays: {one.error}"
        yield f"  {one.error.hint}"
    else:
        yield f"{name} {version} is the newest that can be used."
    if one.state == "withdrawn" and one.found.staged is not None:
        gone = one.found.staged.entry.version
        yield f"  {gone}, which was staged, can't be used any more: {_why_not(one)}"
    found = one.found.found
    for left in found.waiting if found is not None else ():
        yield f"  not {left.version}: {left.reason}"


def _why_not(one: Outcome) -> str:
    version = one.found.staged.entry.version if one.found.staged is not None else ""
    against = one.found.found.waiting if one.found.found is not None else ()
    reasons = [left.reason for left in against if left.version == version]
    return reasons[0] if reasons else "its index does not have it any more"


def outcome_row(one: Outcome, generation: int) -> Mapping[str, object]:
    """As plain data."""
    found = one.found.found
    waiting = found.waiting if found is not None else ()
    staged = one.found.staged.entry.version if one.found.staged is not None else None
    number = generation if one.state == "upgraded" else 0
    judged = row_of(one.case, one.granted, number) if one.case is not None else {}
    return {
        "name": one.entry.distribution,
        "state": one.state,
        "from": one.entry.version,
        "to": one.case.version if one.case is not None else None,
        "was-staged": staged,
        **judged,
        "waiting": [
            {"version": left.version, "code": left.code, "reason": left.reason}
            for left in waiting
        ],
        "error": one.error.to_dict() if one.error is not None else None,
    }
