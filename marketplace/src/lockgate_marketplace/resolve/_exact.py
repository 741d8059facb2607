"""One file that somebody else chose, by its hash: may it be used here?"""

from __future__ import annotations

from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.memory import Seen
from lockgate_marketplace.resolve._candidates import (
    Pages,
    judged,
    status_of,
    young_word,
)
from lockgate_marketplace.resolve._policy import Policy
from lockgate_marketplace.resolve._result import Rejected, summary, way_out
from lockgate_marketplace.simple import IndexFile
from lockgate_marketplace.sources import Index

__all__ = ["check_file"]


def check_file(
    file: IndexFile,
    seen: Seen,
    index: Index,
    pages: Pages,
    policy: Policy,
    *,
    needed: bool,
) -> tuple[str, ...]:
    """Judge it by its page as `resolve` does; gives what should be seen.

    That it was yanked stops nothing: it is named exactly (PEP 592). `needed` tells
    that it comes along with another.

    Raises:
        ResolutionError: ``resolve-no-candidate`` if it is for another machine, or
            too young.
    """
    name, version = seen.page.name, file.wheel.version
    age = policy.cooldown_for(name, pages.sources.cooldown_of(index))
    _, code, reason = judged(file, policy, age, seen)
    young = young_word(file, policy, age, seen)
    warnings = [f"{name} {version}: {young}"] if young else []
    if code == "yanked":
        warnings.append(f"{name} {version}: {reason}")
    elif code:
        against = [Rejected(name, version, index.name, code, reason, file.filename)]
        raise ResolutionError(
            "resolve-no-candidate",
            summary(name, against),
            where=f"{index.name}/{file.filename}",
            hint=way_out(
                name,
                against,
                needed=needed,
                firm=policy.cooldown_level == "required",
            ),
        )
    if said := status_of(seen):
        warnings.append(f"{index.name} says that {name} is {said}")
    return tuple(warnings)
