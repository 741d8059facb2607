"""Every rule, and the tables by which a scan finds those that apply to a node."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

from lockgate_sandbox.source._dotted import MAKERS, SAME_NAME
from lockgate_sandbox.source._rules import (
    dynamic,
    environment,
    files,
    introspection,
    native,
    network,
    obfuscation,
    parsing,
    processes,
    startup,
)
from lockgate_sandbox.source._site import CallCheck, Family
from lockgate_sandbox.source.findings import Rule

__all__ = ["FAMILIES", "PYTHON", "RULES", "rules_version"]

T = TypeVar("T")

FAMILIES: tuple[Family, ...] = (
    dynamic.FAMILY,
    introspection.FAMILY,
    network.FAMILY,
    processes.FAMILY,
    native.FAMILY,
    files.FAMILY,
    environment.FAMILY,
    startup.FAMILY,
    obfuscation.FAMILY,
    parsing.FAMILY,
)
"""In the order of the reference page."""

RULES: Mapping[str, Rule] = {
    rule.id: rule for family in FAMILIES for rule in family.rules
}
"""Every rule by its id."""

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""The version whose grammar is read: the running interpreter's."""


def joined(tables: Iterable[Mapping[str, T]]) -> dict[str, T]:
    """One table of many.

    Raises:
        ValueError: If two families claim one word.
    """
    found: dict[str, T] = {}
    for table in tables:
        twice = found.keys() & table.keys()
        if twice:
            raise ValueError(f"two families claim {sorted(twice)}")
        found |= table
    return found


def listed(
    tables: Iterable[Mapping[str, CallCheck]],
) -> dict[str, tuple[CallCheck, ...]]:
    """The checks of many tables: each family has its own to say of one call."""
    found: dict[str, tuple[CallCheck, ...]] = {}
    for table in tables:
        for name, check in table.items():
            found[name] = (*found.get(name, ()), check)
    return found


MODULES = joined(family.modules for family in FAMILIES)
NAMES = joined(family.names for family in FAMILIES)
ATTRIBUTES = joined(family.attributes for family in FAMILIES)
CHANGED = joined(family.changed for family in FAMILIES)
CALLS = listed(family.calls for family in FAMILIES)
METHODS = listed(family.methods for family in FAMILIES)
STEPS = tuple(check for family in FAMILIES for check in family.steps)
KEYS = tuple(check for family in FAMILIES for check in family.keys)
TEXTS = tuple(check for family in FAMILIES for check in family.texts)
WHOLE = tuple(check for family in FAMILIES for check in family.whole)

BUILTINS = frozenset(
    name.split(".")[1] for name in (*NAMES, *CALLS) if name.startswith("builtins.")
) | {"__builtins__", "vars", "globals", "locals", "open"}
"""Builtin names that a rule asks for, or that lead to one."""

LAST_WORDS = frozenset(name.rpartition(".")[2] for name in (*NAMES, *CALLS))
"""The last part of every dotted name that a rule is about."""

WORDS = LAST_WORDS | ATTRIBUTES.keys() | METHODS.keys()
"""The attributes that are looked at, in an expression or in a call."""

OWNERS = frozenset(name.rpartition(".")[0] for name in (*NAMES, *CALLS))
"""What those names are attributes of."""


def _beginnings(dotted: Iterable[str]) -> frozenset[str]:
    """Every name in `dotted`, and whatever it is an attribute of."""
    found: set[str] = set()
    for name in dotted:
        while name:
            found.add(name)
            name = name.rpartition(".")[0]
    return frozenset(found)


LEADING = _beginnings([*NAMES, *CALLS, *CHANGED, *SAME_NAME, *MAKERS, "sys.modules"])
"""Every dotted name that something a rule is about may be reached from."""


def module_rule(module: str) -> tuple[Rule, str] | None:
    """The rule for an import of `module`, and the entry that says so."""
    while module:
        rule = MODULES.get(module)
        if rule is not None:
            return rule, module
        module = module.rpartition(".")[0]
    return None


@cache
def rules_version() -> str:
    """A text that changes whenever the answer to the same bytes could.

    It is made of the scanner's own source and of the interpreter's version.
    """
    here = Path(__file__).parent
    made = hashlib.sha256(sys.version.encode())
    for path in sorted([*here.glob("*.py"), *here.glob("_rules/*.py")]):
        made.update(path.read_bytes())
    return made.hexdigest()[:24]
