"""Which of the installed plugins are used: what the owner chose, and for this run.

Rules are kept (``lockgate disable``, ``lockgate pin``, a file's ``[choose.NAME]``);
the rest is for one run: ``-p NAME``, ``-p no:NAME``, ``LOCKGATE_DISABLE_AUTOLOAD``.
A choice only ever takes away, with one exception: who names a plugin on the command
line gets it, though a rule switched it off.

Standard library only: every command imports this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockgate.discovery._state import PluginState

__all__ = ["NO_CHOICE", "SAFE_MODE", "Choice", "Rule", "in_safe_mode"]

SAFE_MODE = "safe mode: only the trusted base can be called"
"""Why everything else is disabled."""

_NOT = "no:"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one file says about one plugin.

    `version` is the one that it is pinned to; `since` an RFC 3339 time; `source`
    the file, and `undo` the command that takes the rule back.
    """

    plugin: str
    disabled: bool = False
    version: str = ""
    reason: str = ""
    since: str = ""
    source: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The rules in force, and what this run asks for.

    `named` are switched on whatever the rules say; `without` are switched off.
    Without `autoload` only `named` and the trusted base are used.
    """

    rules: tuple[Rule, ...] = ()
    named: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    autoload: bool = True

    @property
    def any(self) -> bool:
        """Whether anything is chosen at all."""
        return bool(self.rules or self.named or self.without or not self.autoload)

    def with_words(
        self, words: Iterable[str], *, autoload: bool | None = None
    ) -> Choice:
        """This choice and that of `words`: ``NAME`` or ``no:NAME``; the last wins.

        Raises:
            UsageError: If a word names no plugin.
        """
        named, without = set(self.named), set(self.without)
        for word in words:
            name = word.removeprefix(_NOT)
            if not name or name != name.strip() or ":" in name:
                from lockgate.errors import UsageError

                raise UsageError(
                    f"-p {word!r} names no plugin", hint="Write -p NAME or -p no:NAME."
                )
            into, out_of = (named, without) if name == word else (without, named)
            into.add(name)
            out_of.discard(name)
        return replace(
            self,
            named=frozenset(named),
            without=frozenset(without),
            autoload=self.autoload if autoload is None else autoload,
        )

    def check(self, known: Collection[str]) -> None:
        """Hold what this run names against the names that are installed.

        Raises:
            UnknownPluginError: If it names one that is not.
        """
        for name in sorted(self.named | self.without):
            if name not in known:
                from lockgate.errors import UnknownPluginError

                raise UnknownPluginError(name, known=known)

    def judge(self, state: PluginState) -> PluginState:
        """`state`, or if the choice is against it that with the reason."""
        name = state.name
        if name in self.without:
            return state.with_state("disabled", f"switched off by -p no:{name}")
        rules = [rule for rule in self.rules if rule.plugin == name]
        if name not in self.named:
            for rule in rules:
                if rule.disabled:
                    return _disabled(state, rule)
            if not self.autoload and not _trusted(state):
                return state.with_state(
                    "disabled",
                    "autoload is off, and nothing names it",
                    f"Add -p {name}, or unset LOCKGATE_DISABLE_AUTOLOAD.",
                )
        for rule in rules:
            if rule.version and state.usable and not _same(rule.version, state.version):
                return _pinned(state, rule)
        return state


NO_CHOICE = Choice()
"""Everything that is installed is used."""


def in_safe_mode(state: PluginState) -> PluginState:
    """`state` as a host that is opened in safe mode has it."""
    inside = state.tier == "system" and not state.stored and _trusted(state)
    if not state.usable or inside:
        return state
    return state.with_state("disabled", SAFE_MODE, "Leave out --safe to use it.")


def _disabled(state: PluginState, rule: Rule) -> PluginState:
    reason = f"switched off in {rule.source}"
    reason += f" at {rule.since}" if rule.since else ""
    reason += f": {rule.reason}" if rule.reason else ""
    return state.with_state("disabled", reason, _undo(rule))


def _pinned(state: PluginState, rule: Rule) -> PluginState:
    reason = f"pinned to {rule.version} in {rule.source}, installed is "
    reason += state.version or "an unknown version"
    reason += f": {rule.reason}" if rule.reason else ""
    hint = f"Install {state.distribution}=={rule.version}."
    return state.with_state("pinned", reason, f"{hint} {_undo(rule)}".strip())


def _undo(rule: Rule) -> str:
    return f"`{rule.undo}` takes that back." if rule.undo else ""


def _same(wanted: str, version: str) -> bool:
    """Whether two versions are equal as PEP 440 compares them: 1.0 is 1.0.0."""
    if wanted == version:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        return Version(wanted) == Version(version)
    except InvalidVersion:
        return False


def _trusted(state: PluginState) -> bool:
    """Whether the plugin is of the trusted base, which is not a matter of choice."""
    from lockgate.shipped import trusted_in_host

    return trusted_in_host(state.name, state.distribution)
