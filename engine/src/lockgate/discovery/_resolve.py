"""From a distribution to its candidates: every trouble becomes a state here."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from lockgate._text.files import ABSENT, UnreadableError, read_bounded, stamp
from lockgate.discovery._entry_points import MANIFEST_GROUP, EntryPoint
from lockgate.discovery._locate import LocateError, locate, split_value
from lockgate.discovery._scan import Distribution, normalised
from lockgate.discovery._state import PluginState
from lockgate.errors import ManifestError
from lockgate.hookspecs import HOOK_API_VERSION
from lockgate.manifest import Manifest, read_manifest

__all__ = ["placed_at", "resolve", "resolve_file"]

_NAME_LIMIT_CHARS = 64


def resolve(found: Distribution) -> tuple[list[PluginState], list[str]]:
    """The candidates of one distribution, and the files they depend on."""
    metadata = found.folder
    # METADATA is not watched: whether it is there shows in its folder's own stamp.
    watched = [metadata, f"{metadata}/entry_points.txt"]
    base = PluginState(
        found.name, found.version, found.name, metadata, path=(_parent(metadata),)
    )
    if found.trouble:
        return [base.with_state("broken", found.trouble, _REINSTALL)], watched
    entries = [entry for entry in found.entries if entry.group == MANIFEST_GROUP]
    if not entries:
        states, more = _legacy(base, found.entries)
        return states, watched + more
    named = _with_name(base, entries[0].name)
    if len(entries) > 1:
        reason = f"names {len(entries)} manifests; a distribution holds one plugin"
        return [named.with_state("broken", reason)], watched
    if metadata.endswith(".dist-info") and stamp(f"{metadata}/METADATA") == ABSENT:
        reason = "METADATA is missing: the distribution is half installed or removed"
        return [named.with_state("broken", reason, _REINSTALL)], watched
    state, more = _with_manifest(named, entries[0])
    return [state], watched + more


_REINSTALL = "Install the distribution again, or uninstall it."


def _parent(path: str) -> str:
    return os.path.dirname(path)  # noqa: PTH120


def _with_name(base: PluginState, name: str) -> PluginState:
    return replace(base, name=normalised(name)[:_NAME_LIMIT_CHARS])


def _with_manifest(
    base: PluginState, entry: EntryPoint
) -> tuple[PluginState, list[str]]:
    """The candidate with its manifest read, and the files that led there."""
    metadata = base.location
    try:
        package, file = split_value(entry.value)
    except LocateError as error:
        return base.with_state("broken", str(error), error.hint), []
    try:
        place = locate(metadata, package, [f"{package}/{file}"])
    except LocateError as error:
        # Where nothing is yet is watched too: a manifest that appears is seen.
        return base.with_state("broken", str(error), error.hint), [*error.tried]
    watched = [*place.watched, place.path]
    base = replace(
        base,
        manifest_path=place.path,
        path=(place.root,),
        editable=place.editable,
        package=package,
        recorded=place.recorded,
    )
    try:
        manifest = read_manifest(place.path, distribution=base.distribution)
    except ManifestError as error:
        where = f"{error.file}:{error.line}" if error.line else error.file
        key = f" ({error.key})" if error.key else ""
        reason = f"{where}{key}: {error.message}"
        return base.with_state("broken", reason, error.hint), watched
    return _checked(base, manifest), watched


def _checked(base: PluginState, manifest: Manifest) -> PluginState:
    """The candidate as its manifest describes it."""
    state = replace(
        base,
        kinds=manifest.kinds,
        tier=manifest.tier,
        essential=manifest.essential,
        summary=manifest.summary,
        noun=manifest.noun,
        requires=manifest.requires,
        conflicts=manifest.conflicts,
        manifest_text=json.dumps(manifest.to_data(short=True), separators=(",", ":")),
    )
    if manifest.name != base.name:
        return state.with_state(
            "broken",
            f"its entry point is named {base.name!r}, its manifest {manifest.name!r}",
            "Give both the same name.",
        )
    return _in_api(state, manifest)


def _in_api(state: PluginState, manifest: Manifest) -> PluginState:
    """The candidate, if its range and each of lockgate's hooks fit this hook API."""
    from lockgate._manifest.fields import supports
    from lockgate.discovery._hook_versions import misfit, of_newer_api

    newer = ", ".join(map(repr, of_newer_api(manifest)))
    if not supports(manifest.hook_api):
        reason = (
            f"asks for hook API {manifest.hook_api}; this lockgate has "
            f"{HOOK_API_VERSION}"
        )
        if newer:
            reason += f", without the hook {newer}"
        hint = "Upgrade the plugin, or install a lockgate with that hook API."
        return state.with_state("incompatible", reason, hint)
    found = misfit(manifest)
    if found is not None:
        return state.with_state("incompatible", *found)
    if newer:
        return state.with_state(
            "incompatible",
            f"answers the hook {newer}, which hook API {HOOK_API_VERSION} has not; "
            f"its range {manifest.hook_api} admits later ones",
            "If the hook is of a later one, upgrade lockgate; else correct its name.",
        )
    return state


def _legacy(
    base: PluginState, entries: tuple[EntryPoint, ...]
) -> tuple[list[PluginState], list[str]]:
    """One candidate for each name in the classic groups, and the files that count."""
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entries:
        by_name.setdefault(normalised(entry.name)[:_NAME_LIMIT_CHARS], []).append(entry)
    placed = [
        placed_at(
            replace(
                base,
                name=name,
                state="legacy",
                kinds=tuple(dict.fromkeys(e.group.rpartition(".")[2] for e in group)),
                entries=tuple((e.group, e.value) for e in group),
                reason="has no manifest: loaded at tier read-only, without rights",
                hint="With a lockgate.toml it can ask for rights.",
            ),
            group[0].value,
        )
        for name, group in by_name.items()
    ]
    return [state for state, _ in placed], [f for _, files in placed for f in files]


def placed_at(state: PluginState, value: str) -> tuple[PluginState, list[str]]:
    """A candidate without manifest with the place of its first entry's package.

    And the files that led there, or that would if they appeared.
    """
    package = value.partition(":")[0].partition(".")[0].strip()
    files = [f"{package}/__init__.py", f"{package}.py"]
    try:
        if not package.isidentifier():
            raise LocateError(f"its entry point names {package[:80]!r}, no package")
        place = locate(state.location, package, files)
    except LocateError as error:
        return state.with_state("broken", str(error), error.hint), [*error.tried]
    found = replace(
        state,
        path=(place.root,),
        editable=place.editable,
        package=package,
        recorded=place.recorded,
    )
    return found, [*place.watched, place.path]


def resolve_file(path: str) -> PluginState:
    """The candidate for the single file `path` of a plugin folder."""
    name = normalised(path.rpartition("/")[2].removesuffix(".py"))
    state = PluginState(
        name[:_NAME_LIMIT_CHARS],
        distribution=path.rpartition("/")[2],
        location=path,
        path=(_parent(path),),
        entries=(("file", path),),
    )
    try:
        read_bounded(path, _FILE_LIMIT_BYTES)
    except UnreadableError as error:
        return state.with_state("broken", f"{path} {error}")
    return replace(
        state,
        state="legacy",
        reason="a single file: loaded at tier read-only, without rights",
    )


_FILE_LIMIT_BYTES = 4 * 1024 * 1024
