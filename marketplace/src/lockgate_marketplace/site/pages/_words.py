"""Small pieces that several pages show: badges, risks, dates, sizes."""

from __future__ import annotations

from lockgate.rights import RISKS, Risk
from lockgate_marketplace.site.html import Html, tag, text
from lockgate_marketplace.site.release import moment

__all__ = [
    "FACET_WORDS",
    "badge",
    "meter",
    "risk_mark",
    "value_word",
    "when",
]

FACET_WORDS = {
    "kind": "Kind",
    "tier": "Tier",
    "risk": "Reach",
    "right": "Asks for",
    "hook": "Hook",
    "device": "Device",
    "tag": "Tag",
    "hook-api": "Hook API",
    "python": "Python",
}

_RIGHT_WORDS = {
    "none": "nothing",
    "read": "files to read",
    "write": "files to change",
    "env": "environment",
    "net": "network",
    "device": "devices",
    "secret": "secrets",
    "workers": "own workers",
    "wrap": "others' answers",
    "program": "own programs",
    "tool": "machine's programs",
}
_RISK_WORDS: dict[Risk, str] = {
    "none": "only computes",
    "low": "low reach",
    "moderate": "moderate reach",
    "high": "high reach",
    "full": "full trust",
}


def value_word(facet: str, value: str) -> str:
    """A facet's value as people read it."""
    if facet == "right":
        return _RIGHT_WORDS.get(value, value)
    if facet == "risk":
        return next((_RISK_WORDS[risk] for risk in RISKS if risk == value), value)
    return value


def badge(kind: str) -> Html:
    """A permission that a plugin asks for."""
    return tag("li", text(_RIGHT_WORDS.get(kind, kind)), class_=f"badge right-{kind}")


def meter(risk: Risk) -> Html:
    """The reach as four steps, for the eye; the words stand beside it."""
    level = RISKS.index(risk)
    steps = [tag("i", class_="on" if step < level else None) for step in range(4)]
    return tag("span", steps, class_=f"meter {risk}", aria_hidden="true")


def risk_mark(risk: Risk) -> Html:
    """The reach in a word, with its steps."""
    return tag("span", meter(risk), text(f" {_RISK_WORDS[risk]}"), class_="reach")


def when(seconds: int) -> Html:
    """A day, the same for every reader."""
    full = moment(seconds)
    return tag("time", text(full[:10]), datetime=full)
