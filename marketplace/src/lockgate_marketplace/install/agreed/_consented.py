"""What an owner agrees to; what they did not agree to is refused, or set aside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from lockgate.discovery import PluginState
from lockgate_marketplace.consent import Agreed, Word, decide
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.install._carry_out import set_aside
from lockgate_marketplace.install.agreed._case import Case
from lockgate_marketplace.install.agreed._given import Given
from lockgate_marketplace.store import Store

__all__ = ["Ask", "check_known", "consented"]

Ask: TypeAlias = Callable[[Case], "bool | None"]
"""Put a case to its owner: whether they agree to all of it; None: nobody is there."""


def check_known(cases: Sequence[Case], word: Word) -> None:
    """Whether each right that is named is asked for by one of them.

    Raises:
        ConsentError: ``consent-unknown-right``.
    """
    asked = {key for case in cases for key in case.keys}
    if unknown := sorted(word.grant - asked):
        names = ", ".join(case.name for case in cases)
        message = f"{names} does not ask for {', '.join(unknown)}"
        raise ConsentError("consent-unknown-right", message, asked=sorted(asked))


def consented(
    case: Case, word: Word, store: Store, *, ask: Ask, sharing: bool = False
) -> Given:
    """The rights that the owner agrees to. An upgrade that lacks some is set aside.

    `word` is what they said beforehand; its policy is the case's own. A right that is
    named may be of one of several plugins (`sharing`). `ask` is called where something
    is open that the word does not cover.

    Raises:
        ConsentError: If nobody agreed to what is new, or it was refused.
        StoreError, InstalledError: If it can't be set aside.
    """
    agreed = _agree(case, word, ask, sharing=sharing)
    if agreed.said and (word.none or not agreed.open or case.before is None):
        return _given(case, word, agreed.granted)
    left = sorted(agreed.open)
    if case.before is not None:
        raise _stage(case, case.before, left, store)
    message = f"{case.name} asks for {', '.join(left)}"
    raise ConsentError("consent-needed", message, asked=left)


def _agree(case: Case, word: Word, ask: Ask, *, sharing: bool) -> Agreed:
    """What the owner agrees to; whoever is there is asked about what is open.

    Raises:
        ConsentError: If it was refused.
    """
    grant = word.grant & case.keys if sharing else word.grant
    mine = replace(word, grant=grant, policy=frozenset(case.allowed))
    agreed = decide(case.name, case.asked, mine)
    if agreed.said:
        return agreed
    answer = ask(case)
    if answer is None:
        return agreed
    if not answer:
        message = f"the rights of {case.name} were refused"
        raise ConsentError("consent-refused", message, asked=sorted(agreed.open))
    return decide(case.name, case.asked, Word(all=True))


def _given(case: Case, word: Word, granted: Collection[str]) -> Given:
    """By whom each right is given: what the owner says now is their own word."""
    held = {one.right.key for one in case.asked if one.change == "held"}
    before: Given = case.grant.by if case.grant is not None else {}
    found: dict[str, str] = {}
    for key in granted:
        if word.all or key in word.grant:
            found[key] = ""
        else:
            found[key] = (before if key in held else case.allowed).get(key, "")
    return found


def _stage(
    case: Case, before: PluginState, left: Collection[str], store: Store
) -> ConsentError:
    """Keep the new release in the store; the old one stays in force.

    Raises:
        StoreError, InstalledError: If it can't be kept.
    """
    set_aside(case.offer, left, store)
    asked = sorted(left)
    asks, old = f"{case.version} asks for {', '.join(asked)}", before.version
    if case.version == old:  # a rebuilt one, or a copy in work that it takes over from
        message = f"{asks}; the {old} that is there stays in use until you agree"
    else:
        message = f"{asks}, which {old} did not have; {old} stays installed"
    where = case.offer.plan.plugin.filename
    return ConsentError("consent-needed", message, where=where, asked=asked)
