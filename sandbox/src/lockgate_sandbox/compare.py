"""What changes from one policy to another, and whether it gives more or less.

For whoever has to consent: a plugin's upgrade, a policy file in review. Made by
walking the policy's fields, like `explain`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, TypeAlias

from lockgate_sandbox.explain import amount, right_fields, right_phrases
from lockgate_sandbox.policy import Policy

__all__ = ["Change", "Effect", "compare"]

Effect: TypeAlias = Literal["wider", "narrower", "other"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `effect` says what it means for the worker.

    ``wider``: it may do or use more; ``narrower``: less; ``other``: neither can be
    said. `what` is the field, with ``limits.`` before a limit's name.
    """

    what: str
    effect: Effect
    text: str

    def to_dict(self) -> dict[str, str]:
        """The three fields, for JSON."""
        return {str(name): str(value) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        return f"{_SIGNS[self.effect]} {self.text}"


_SIGNS = {"wider": "+", "narrower": "-", "other": "~"}


def compare(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Every difference between two policies, rights first; empty if there is none."""
    found: list[Change] = []
    if before.tier != after.tier:
        effect: Effect = "wider" if after.tier > before.tier else "narrower"
        text = f"tier {before.tier} -> {after.tier}"
        found.append(Change("tier", effect, text))
    for name in right_fields():
        found += _rights(before, after, name)
    for field in fields(before.limits):
        found += _limit(before, after, field.name)
    return tuple(found)


def _rights(before: Policy, after: Policy, name: str) -> list[Change]:
    old, new = getattr(before, name), getattr(after, name)
    if old == new:
        return []
    gone = _told(before, name, [item for item in old if item not in new])
    come = _told(after, name, [item for item in new if item not in old])
    # The same words for another value: of a variable, nothing else is told.
    changed = [text for text in come if text in gone]
    found = [Change(name, "other", f"{text} (its value changes)") for text in changed]
    found += [
        Change(name, "narrower", f"no longer: {text}")
        for text in gone
        if text not in changed
    ]
    found += [Change(name, "wider", text) for text in come if text not in changed]
    return found or [Change(name, "other", f"{name}: in another order")]


def _told(policy: Policy, name: str, items: list[object]) -> list[str]:
    only: dict[str, Any] = {name: tuple(items)}
    return list(right_phrases(replace(policy, **only), name))


def _limit(before: Policy, after: Policy, name: str) -> list[Change]:
    old, new = getattr(before.limits, name), getattr(after.limits, name)
    if old == new:
        return []
    effect: Effect = "wider" if new > old else "narrower"
    noun = name.removesuffix("_bytes").removesuffix("_seconds").replace("_", " ")
    text = f"limit {noun} {amount(name, old)} -> {amount(name, new)}"
    return [Change(f"limits.{name}", effect, text)]
