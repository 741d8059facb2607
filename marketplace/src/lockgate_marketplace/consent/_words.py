"""A prompt that a tired person understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from lockgate.rights import worded
from lockgate_marketplace.consent._diff import Asked

__all__ = ["told"]

_MARKS = {"new": "+", "changed": "!", "held": " "}


def told(
    name: str, asked: Sequence[Asked], allowed: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """What `name` may do, line by line; what is new first.

    `allowed` is what a policy gives, each with the rule that does.
    """
    if not asked:
        return [f"{name} asks for nothing: it computes, in a sealed worker."]
    ordered = sorted(asked, key=lambda one: (one.change == "held", one.right.key))
    lines = [f"{name} wants to:"]
    for one in ordered:
        words = worded(one.right)
        detail = f" ({words.detail})" if words.detail else ""
        as_before = ", as before" if one.change == "held" else ""
        if not as_before and one.right.key in allowed:
            as_before = f", given by the {allowed[one.right.key]}"
        lines.append(
            f"  {_MARKS[one.change]} {words.text}{detail}{as_before}"
            f"   [{one.right.key}, risk {words.risk}]"
        )
    return lines
