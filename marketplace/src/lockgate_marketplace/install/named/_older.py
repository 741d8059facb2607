"""Nobody is put on an older release without asking for it.

An index that takes back the newest release, or hides it from this machine, would else
choose the hole that its readers fall into: yanking is nothing that a memory stops at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lockgate.discovery import PluginState
from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.install.named._choose import Chosen
from lockgate_marketplace.resolve import Want

__all__ = ["check_not_older", "is_meant", "steps_back"]

_MEANT = ("==", "===", "<", "<=", "~=")


def check_not_older(
    chosen: Sequence[Chosen], wants: Sequence[Want], present: Iterable[PluginState]
) -> None:
    """Whether each plugin is at least what is installed of it, or is meant to be older.

    Raises:
        ResolutionError: ``resolve-older``.
    """
    here = {state.distribution: state.version for state in present if state.stored}
    meant = {canonicalize_name(w.requirement.name) for w in wants if is_meant(w)}
    for one in chosen:
        plugin = one.pinned[0]
        before = here.get(plugin.name, "")
        if plugin.name in meant or not steps_back(before, plugin.file.version):
            continue
        message = (
            f"{plugin.name} {before} is installed, and the newest that may be used is "
            f"{plugin.version}: the index took a release back, or hides one"
        )
        reasons = [r for r in one.rejected if r.name == plugin.name]
        newer = next(
            (r for r in reasons if Version(r.version) == Version(before)), None
        )
        if newer is not None:
            message += f" ({newer.version}: {newer.reason})"
        exact = f"{plugin.name}=={plugin.version}"
        where = f"{plugin.index}/{plugin.name}"
        hint = f"Stay with what you have. To go back, say so: {exact}"
        raise ResolutionError("resolve-older", message, where=where, hint=hint)


def is_meant(want: Want) -> bool:
    """Whether `want` names the release, so that it may be an older one."""
    return any(one.operator in _MEANT for one in want.requirement.specifier)


def steps_back(before: str, to: Version) -> bool:
    """Whether `to` is older than `before`, the installed version (``""``: none)."""
    version = _version(before)
    return version is not None and to < version


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
