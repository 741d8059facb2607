"""What changes from one policy to another, and whether it gives more or less.

For whoever has to consent: a plugin's upgrade, a policy file in review. Made by
walking the policy's fields, like `explain`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Literal, TypeAlias

from lockgate_sandbox._form.words import Subject
from lockgate_sandbox.explain import RIGHTS, amount, right_key, right_phrase

__all__ = ["Change", "Effect", "compare"]

Effect: TypeAlias = Literal["wider", "narrower", "other"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `effect` says what it means for the worker.

    ``wider``: it may do or use more; ``narrower``: less; ``other``: neither can be
    said. `what` is the field, with ``limits.`` before a limit's name and ``total.``
    before what all hosts may use together. No value of a variable is in `text`.
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


def compare(before: Subject, after: Subject) -> tuple[Change, ...]:
    """Every difference between two policies, rights first; empty if there is none."""
    found: list[Change] = []
    if before.tier != after.tier:
        effect: Effect = "wider" if after.tier > before.tier else "narrower"
        text = f"tier {before.tier} -> {after.tier}"
        found.append(Change("tier", effect, text))
    for name in RIGHTS:
        found += _rights(name, getattr(before, name), getattr(after, name))
    found += _amounts("limits", "limit", before.limits, after.limits)
    found += _amounts("total", "all hosts together:", before.total, after.total)
    return tuple(found)


def _rights(
    name: str, old: tuple[object, ...], new: tuple[object, ...]
) -> list[Change]:
    if old == new:
        return []
    had = {right_key(name, item): item for item in old}
    has = {right_key(name, item): item for item in new}
    found = [
        Change(name, "narrower", f"no longer: {right_phrase(name, item)}")
        for key, item in had.items()
        if key not in has
    ]
    for key, item in has.items():
        text = right_phrase(name, item)
        if key not in had:
            found.append(Change(name, "wider", text))
        elif had[key] != item:
            found.append(_changed(name, right_phrase(name, had[key]), text))
    return found or [Change(name, "other", f"{name}: in another order")]


def _changed(name: str, was: str, text: str) -> Change:
    # The same words for another value: of a variable, nothing else is told.
    how = f"was: {was}" if was != text else "its value changes"
    return Change(name, "other", f"{text} ({how})")


def _amounts(what: str, noun: str, before: object, after: object) -> list[Change]:
    found: list[Change] = []
    for field in fields(before):  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            name = field.name.removesuffix("_bytes").removesuffix("_seconds")
            told = f"{amount(field.name, old)} -> {amount(field.name, new)}"
            # None is no limit.
            wider = new is None or (old is not None and new > old)
            effect: Effect = "wider" if wider else "narrower"
            text = f"{noun} {name.replace('_', ' ')} {told}"
            found.append(Change(f"{what}.{field.name}", effect, text))
    return found
