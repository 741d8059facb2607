"""Which plugins can do something: queries over manifests, offline and without imports.

A query names a field and a word; several are joined by AND. What a plugin says of
itself is in its manifest (`[capabilities]`, `[hooks]`, `[rights]`), so kinds that
other plugins add are found like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

from lockgate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from lockgate.discovery import PluginState
    from lockgate.manifest import Manifest

__all__ = ["FIELDS", "find_plugins"]

Query: TypeAlias = "Mapping[str, str | Sequence[str]]"


def _capability(key: str) -> Callable[[PluginState, Manifest], Iterable[str]]:
    return lambda _, manifest: manifest.capabilities.get(key, ())


def _rights(_: PluginState, manifest: Manifest) -> Iterable[str]:
    from lockgate.grants import rights_asked

    keys = [right.key for right in rights_asked(manifest)]
    return [*keys, *{key.partition(":")[0] for key in keys}]


_ABOUT: dict[str, Callable[[PluginState, Manifest], Iterable[str]]] = {
    "kind": lambda state, _: state.kinds,
    "hook": lambda _, manifest: [impl.hook for impl in manifest.hooks],
    "spec": _capability("specs"),
    "file": _capability("files"),
    "device": lambda _, manifest: manifest.rights.devices,
    "board": _capability("boards"),
    "target": _capability("targets"),
    "task": _capability("tasks"),
    "tag": _capability("tags"),
    "tier": lambda _, manifest: [manifest.tier],
    "right": _rights,
    "requires": lambda state, _: state.requires,
}

FIELDS = (*_ABOUT, "state", "text")
"""What can be asked for. ``state`` and ``text`` also find what has no manifest."""


def find_plugins(states: Iterable[PluginState], query: Query) -> list[PluginState]:
    """The plugins of `states` that all of `query` is true of, in their order.

    A field's words must all be found. Case does not count; a word may be a shell
    pattern (``nrf*``). ``file`` is a name or an ending, held against the patterns in
    manifests; ``text`` is looked for in names, summaries and capabilities.

    Raises:
        UsageError: If a field is none of `FIELDS`.
    """
    wanted: list[tuple[str, str]] = []
    for field, given in query.items():
        if field not in FIELDS:
            raise UsageError(
                f"there is no field {field!r} to search by",
                hint=did_you_mean(field, FIELDS) or f"Known: {', '.join(FIELDS)}.",
            )
        words = [given] if isinstance(given, str) else given
        wanted += [(field, word.casefold()) for word in words]
    return [s for s in states if all(_is(s, field, word) for field, word in wanted)]


def _is(state: PluginState, field: str, word: str) -> bool:
    if field == "state":
        return state.state == word
    manifest = state.manifest
    if field == "text":
        return word in _text(state, manifest)
    if manifest is None:
        return field == "kind" and word in state.kinds
    said = [value.casefold() for value in _ABOUT[field](state, manifest)]
    if field == "file":
        return any(word == pattern or fnmatchcase(word, pattern) for pattern in said)
    return any(fnmatchcase(value, word) for value in said)


def _text(state: PluginState, manifest: Manifest | None) -> str:
    words = [state.name, state.distribution, state.summary]
    if manifest is not None:
        words += [word for said in manifest.capabilities.values() for word in said]
    return "\n".join(words).casefold()
