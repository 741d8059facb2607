"""Whose environment a distribution is part of, and who asked for it there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lockgate.installed import Installed
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store import Store

__all__ = ["Use", "uses_of"]


@dataclass(frozen=True, slots=True)
class Use:
    """A distribution in the environment of an installed one."""

    within: str
    """The distribution whose environment it is; its own, if it was installed itself."""
    version: str
    wanted_by: tuple[tuple[str, str], ...] = ()
    """Names in that environment that require it, and what they require."""


def uses_of(name: str, entries: Iterable[Installed], store: Store) -> Iterator[Use]:
    """Every environment that `name` is part of.

    A wheel whose record can't be read tells nothing; `lockgate verify` finds it.
    """
    key = canonicalize_name(name)
    for entry in entries:
        there = next((w for w in entry.wheels if w.name == key), None)
        if there is not None:
            wanted = tuple(_wanted(key, entry, store))
            yield Use(entry.distribution, there.version, wanted)


def _wanted(name: str, entry: Installed, store: Store) -> Iterator[tuple[str, str]]:
    for wheel in entry.wheels:
        with suppress(StoreError):
            for text in store.get(wheel.sha256).requires:
                if wheel.name != name and _is_for(text, name):
                    yield wheel.name, text


def _is_for(text: str, name: str) -> bool:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False
    return canonicalize_name(requirement.name) == name
