"""Whether the hooks that a plugin answers are there, each in its own API's version.

lockgate's own hooks are held against `HOOK_API_VERSION`, those of an added kind
against the kind's version. Nothing of a plugin is run; a plugin that answers what is
not there yet, or no longer, is ``incompatible`` with the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lockgate._hook.api import HOOK_API_VERSION, Life
from lockgate._specs.names import hook_kinds, hook_lives

if TYPE_CHECKING:
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest

__all__ = ["Misfit", "deprecations", "misfit", "misfit_of_kinds", "of_newer_api"]


class Misfit(NamedTuple):
    """Why a plugin is incompatible, and the way out."""

    reason: str
    hint: str


def misfit(manifest: Manifest, api: str = HOOK_API_VERSION) -> Misfit | None:
    """The first of lockgate's own hooks that the plugin answers and `api` has not."""
    lives = hook_lives()
    for hook in _hooks(manifest):
        if hook in lives:
            found = _judged(hook, lives[hook], api, "hook API", "lockgate")
            if found is not None:
                return found
    return None


def of_newer_api(manifest: Manifest) -> list[str]:
    """The hooks that nobody here knows, of a plugin whose kinds are all known."""
    known = {*hook_kinds().values(), *(kind.name for kind in manifest.added_kinds)}
    if not known.issuperset(manifest.kinds):
        return []  # then they are of another plugin's kind
    own = {hook.name for kind in manifest.added_kinds for hook in kind.hooks}
    return [h for h in _hooks(manifest) if h not in hook_kinds() and h not in own]


def misfit_of_kinds(
    manifest: Manifest, kinds: Mapping[str, AddedKind], adders: Mapping[str, str]
) -> Misfit | None:
    """The first added hook, or range of a kind, that does not fit.

    `adders` names the plugin that adds each kind.
    """
    for name, wanted in manifest.kind_api.items():
        kind = kinds.get(name)
        if kind is not None and not _contains(wanted, kind.version):
            return Misfit(
                f"asks for version {wanted} of the kind {name!r}; {adders[name]} adds "
                f"{kind.version}",
                f"Upgrade the plugin, or {adders[name]}, to versions that fit.",
            )
    added = {hook.name: (hook, kind) for kind in kinds.values() for hook in kind.hooks}
    for name in _hooks(manifest):
        if name in added:
            hook, kind = added[name]
            what = f"version of the kind {kind.name!r}"
            found = _judged(name, hook.life, kind.version, what, adders[kind.name])
            if found is not None:
                return found
    return None


def deprecations(
    manifest: Manifest, kinds: Iterable[AddedKind] = (), api: str = HOOK_API_VERSION
) -> Iterator[tuple[str, Life]]:
    """The deprecated hooks that the plugin answers or wraps, with their lives."""
    lives = {hook: (life, api) for hook, life in hook_lives().items()}
    for kind in kinds:
        lives |= {hook.name: (hook.life, kind.version) for hook in kind.hooks}
    for hook in _hooks(manifest):
        if hook in lives:
            life, now = lives[hook]
            if life.at(now) == "deprecated":
                yield hook, life


def _hooks(manifest: Manifest) -> list[str]:
    return list(dict.fromkeys(impl.hook for impl in manifest.hooks))


def _contains(wanted: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(version)


def _judged(hook: str, life: Life, api: str, what: str, owner: str) -> Misfit | None:
    stage = life.at(api)
    if stage == "future":
        return Misfit(
            f"answers the hook {hook!r}, which came with {what} {life.since}; "
            f"{owner} has {api}",
            f"Upgrade {owner}, or install a version of the plugin that does without.",
        )
    if stage == "removed":
        instead = f" Its successor is {life.instead}." if life.instead else ""
        return Misfit(
            f"answers the hook {hook!r}, which was removed in {what} {life.removed}; "
            f"{owner} has {api}",
            f"Upgrade the plugin, or keep an older {owner}.{instead}",
        )
    return None
