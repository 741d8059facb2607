"""All configured indexes, and the one that answers for a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from packaging.utils import canonicalize_name

from lockgate.errors import did_you_mean
from lockgate_marketplace.errors import SourceError
from lockgate_marketplace.sources._index import Index, Settings, table_of

__all__ = ["Sources"]

COOLDOWN_DAYS = 3
"""Attacks on indexes were found within hours; three days are the field's choice."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The indexes by name, and what holds for all of them."""

    indexes: Mapping[str, Index]
    default: str = ""
    """The index of names that no prefix binds."""
    cooldown: timedelta = timedelta(days=COOLDOWN_DAYS)
    """How old a file must be, where its index says nothing else."""
    proxies: bool = False
    """Whether the environment's proxies are used."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Sources:
        """Read ``[plugins.marketplace]``.

        Raises:
            SourceError: If it is unsound.
        """
        found = {
            name: Index.from_settings(name, table_of(table))
            for name, table in table_of(settings.get("indexes")).items()
        }
        days = settings.get("cooldown-days")
        sources = cls(
            MappingProxyType(found),
            str(settings.get("default", "")),
            timedelta(days=days if isinstance(days, int | float) else COOLDOWN_DAYS),
            settings.get("proxies") is True,
        )
        sources._check()
        return sources

    def _check(self) -> None:
        """See that each name leads to one index at most.

        Raises:
            SourceError: If not.
        """
        owners: dict[str, str] = {}
        for index in self.indexes.values():
            for prefix in index.prefixes:
                if owners.setdefault(prefix, index.name) != index.name:
                    both = f"{owners[prefix]} and {index.name}"
                    message = f"the prefix {prefix!r} belongs to two indexes: {both}"
                    raise SourceError("source-config", message)
            if index.dependencies:
                self.named(index.dependencies)
        if self.default:
            self.named(self.default)

    def named(self, name: str) -> Index:
        """The index of that name.

        Raises:
            SourceError: If there is none.
        """
        if name not in self.indexes:
            message = f"there is no index named {name!r}"
            hint = did_you_mean(name, self.indexes)
            raise SourceError("source-unknown", message, hint=hint)
        return self.indexes[name]

    def bind(self, name: str, index: str = "") -> Index:
        """The one index that answers for `name`; ``INDEX/NAME`` names it as well.

        Raises:
            SourceError: If none does, or the prefix says another than `index`.
        """
        if "/" in name:
            index, _, name = name.partition("/")
        owner = self._owner(name)
        if index:
            named = self.named(index)
            if owner is not None and owner != named:
                raise _reserved(name, owner, index)
            return named
        if owner is not None:
            return owner
        if self.default:
            return self.named(self.default)
        if len(self.indexes) != 1:
            raise _unbound(name, sorted(self.indexes))
        return next(iter(self.indexes.values()))

    def bind_dependency(self, name: str, parent: Index) -> Index:
        """The one index that `name` comes from if something of `parent` needs it.

        Raises:
            SourceError: If the name's prefix belongs to an index that `parent`
                does not draw from.
        """
        source = self.named(parent.dependencies or parent.name)
        owner = self._owner(name)
        if owner is None:
            return source
        if owner not in (parent, source):
            message = (
                f"something of the index {parent.name} needs {name}, a name that "
                f"belongs to your index {owner.name}: it may be after what is yours"
            )
            hint = (
                f"If it may have it: dependencies = {owner.name!r} in "
                f"[plugins.marketplace.indexes.{parent.name}]."
            )
            raise SourceError("source-elsewhere", message, index=owner.name, hint=hint)
        return owner

    def cooldown_of(self, index: Index) -> timedelta:
        """How old a file of `index` must be."""
        return self.cooldown if index.cooldown is None else index.cooldown

    def _owner(self, name: str) -> Index | None:
        """The index with the longest prefix of `name`."""
        key = canonicalize_name(name)
        best = max(self.indexes.values(), key=lambda i: i.owns(key), default=None)
        return best if best is not None and best.owns(key) else None


def _reserved(name: str, owner: Index, index: str) -> SourceError:
    message = (
        f"{name} belongs to your index {owner.name} by its prefix; on {index} anybody "
        "could have taken the name"
    )
    hint = f"Take it from {owner.name}, or change the prefixes of that index."
    return SourceError("source-reserved", message, index=owner.name, hint=hint)


def _unbound(name: str, known: Sequence[str]) -> SourceError:
    if not known:
        return SourceError("source-none", f"no index answers for {name}")
    message = (
        f"which index is {name} to come from? There are {', '.join(known)}, and none "
        "is asked just in case: whoever takes a name there would be installed"
    )
    hint = f"Say which: {known[0]}/{name}, or set `default` or the index's prefixes."
    return SourceError("source-unbound", message, hint=hint)
