"""Whether a project's hooks are there in the versions that its manifest admits."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lockgate._specs.names import hook_lives
from lockgate.discovery._hook_versions import (
    deprecations,
    misfit,
    misfit_of_kinds,
)
from lockgate.kinds import AddedKind
from lockgate.manifest import Manifest
from lockgate.project._rules import RULES
from lockgate.values import Finding

__all__ = ["version_findings"]


def version_findings(
    manifest: Manifest, file: str, kinds: Collection[AddedKind]
) -> Iterator[Finding]:
    """What its hooks' versions are against; `kinds` are the added ones around it."""
    by_name = {kind.name: kind for kind in kinds}
    adders = {name: f"the kind {name!r}" for name in by_name}
    for found in (misfit(manifest), misfit_of_kinds(manifest, by_name, adders)):
        if found is not None:
            message = f"it {found.reason}"
            yield Finding(file, "hook-api", "error", message, hint=found.hint)
    for hook, life in deprecations(manifest, kinds):
        message = f"it answers the hook {hook!r}, {life.advice}"
        rule = RULES["hook-deprecated"].severity
        yield Finding(file, "hook-deprecated", rule, message)
    yield from _too_wide(manifest, file)


def _too_wide(manifest: Manifest, file: str) -> Iterator[Finding]:
    """Hooks that are not in every hook API that the range admits."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    lives, admitted = hook_lives(), SpecifierSet(manifest.hook_api)
    versions = sorted({life.since for life in lives.values()}, key=Version)
    for hook in dict.fromkeys(impl.hook for impl in manifest.hooks):
        since = lives[hook].since if hook in lives else "0"
        below = [v for v in versions if Version(v) < Version(since)]
        if any(admitted.contains(version) for version in below):
            message = f"{manifest.hook_api} admits {below[-1]}, which has no {hook!r}"
            hint = f'hook-api = ">={since},<{Version(since).major + 1}"'
            severity = RULES["hook-api-wide"].severity
            yield Finding(file, "hook-api-wide", severity, message, hint=hint)
