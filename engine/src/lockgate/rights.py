"""Rights in plain words, each with its risk: what an owner reads before a consent.

The verbs are the sandbox's own (`lockgate_sandbox.explain.WORDS`), so that a prompt,
an index's page and ``lockgate sandbox explain`` say the same. The risk is a rule that
anybody can follow, not a score: `RISKS` from nothing to everything, one level for
each kind of right, and one more where two rights together reach further.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lockgate.grants import Right, rights_asked
from lockgate_sandbox.explain import WORDS

if TYPE_CHECKING:
    from lockgate.manifest import Manifest

__all__ = ["RISKS", "Rating", "Risk", "Worded", "rating", "worded"]

Risk: TypeAlias = Literal["none", "low", "moderate", "high", "full"]

RISKS: tuple[Risk, ...] = ("none", "low", "moderate", "high", "full")
"""From nothing to everything."""

_VERBS = {
    "read": WORDS["read"],
    "write": WORDS["write"],
    "env": WORDS["env"],
    "net": WORDS["hosts"],
    "device": WORDS["devices"],
    "secret": WORDS["secrets"],
    "program": WORDS["programs"],
    "tool": WORDS["tools"],
    "wrap": "see and change what other plugins answer to {}",
    "workers": "have Python run in read-only workers of its own",
}
_TIERS = {
    "elevated": "be granted hosts, paths, devices, secrets and programs of its own",
    "admin": "be granted programs of this machine, run by the host",
    "system": "run inside the host itself, with everything that you may do",
}
_RISK: dict[str, Risk] = {
    "env": "low",
    "workers": "low",
    "program": "low",
    "net": "moderate",
    "read": "moderate",
    "device": "moderate",
    "write": "high",
    "secret": "high",
    "tool": "high",
    "wrap": "high",
}
_TIER_RISK: dict[str, Risk] = {"elevated": "low", "admin": "moderate", "system": "full"}
_WIDE = ("/", "~", "~/", "/home", "/etc", "/root")
"""Folders in which other people's secrets lie."""

_LEARNS = ("read", "write", "secret", "device")


@dataclass(frozen=True, slots=True)
class Worded:
    """A right in words: `text` continues "It may"; `detail` is what comes with it."""

    key: str
    text: str
    risk: Risk
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rating:
    """How far a plugin reaches if all it asks for is granted, and `why` so far."""

    risk: Risk
    why: str


def worded(right: Right) -> Worded:
    """The right in plain words."""
    if right.kind == "tier":
        text = _TIERS.get(right.value, f"run at the tier {right.value}")
        return Worded(right.key, text, _TIER_RISK.get(right.value, "full"))
    verb = _VERBS.get(right.kind, f"have the right {right.key}")
    value = right.value
    if right.kind in ("read", "write"):
        value = f"{value} and everything below"
    text = verb.format(value) if "{}" in verb else verb
    return Worded(right.key, text, _risk(right), right.detail)


def _risk(right: Right) -> Risk:
    """The risk of one right alone; a kind that nobody knows is not trusted."""
    if right.kind == "net" and "*" in right.value:
        return "high"
    if right.kind == "read" and _is_wide(right.value):
        return "high"
    return _RISK.get(right.kind, "full")


def _is_wide(path: str) -> bool:
    # "//etc" is /etc (path_resolution(7)), but for POSIX's sake `normpath` keeps it.
    plain = posixpath.normpath(path).replace("//", "/")
    return plain in _WIDE or "/.ssh" in plain or "/.config" in plain


def rating(manifest: Manifest) -> Rating:
    """The plugin's risk: that of its worst right, or of two that work together."""
    return _rated(rights_asked(manifest))


def _rated(asked: Iterable[Right]) -> Rating:
    rights = tuple(asked)
    words = [worded(right) for right in rights]
    worst = RISKS[max((RISKS.index(word.risk) for word in words), default=0)]
    if worst == "none":
        return Rating("none", "It computes: no files, no network, no programs.")
    first = next(word for word in words if word.risk == worst)
    learns = next((w for w in words if w.key.partition(":")[0] in _LEARNS), None)
    sends = next((w for w in words if w.key.startswith("net:")), None)
    if worst != "full" and learns and sends:
        why = f"It may {learns.text}, and {sends.text}: what it learns can leave."
        return Rating("high", why)
    return Rating(worst, f"It may {first.text}.")
