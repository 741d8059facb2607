"""What an owner agrees to, by what was held and by what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockgate_marketplace.consent._diff import Asked
from lockgate_marketplace.errors import ConsentError

__all__ = ["Agreed", "Word", "decide"]


@dataclass(frozen=True, slots=True)
class Word:
    """What the owner said beforehand: these rights, all of them, or none.

    `policy` are those that a policy of theirs gives; what they say now goes before it.
    """

    grant: frozenset[str] = frozenset()
    all: bool = False
    none: bool = False
    policy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Agreed:
    """The keys that are granted, and those that are asked for and not granted.

    `said`: the owner's word covers it. Else somebody has to be asked about `open`.
    """

    granted: frozenset[str]
    open: frozenset[str]
    said: bool


def decide(plugin: str, asked: Sequence[Asked], word: Word) -> Agreed:
    """What `plugin` gets of what it asks for.

    Raises:
        ConsentError: ``consent-unknown-right`` if the word names a right that it does
            not ask for.
    """
    keys = frozenset(one.right.key for one in asked)
    unknown = sorted(word.grant - keys)
    if unknown:
        message = f"{plugin} does not ask for {', '.join(unknown)}"
        raise ConsentError("consent-unknown-right", message, asked=sorted(keys))
    if word.none:
        return Agreed(frozenset(), keys, said=True)
    if word.all:
        return Agreed(keys, frozenset(), said=True)
    held = frozenset(one.right.key for one in asked if one.change == "held")
    given = held | word.grant | (word.policy & keys)
    return Agreed(given, keys - given, said=bool(word.grant) or given == keys)
