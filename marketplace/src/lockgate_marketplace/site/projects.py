"""Releases grouped: what a page, a catalogue and a client want to know of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from packaging.utils import canonicalize_version
from packaging.version import Version

from lockgate.grants import rights_asked
from lockgate.manifest import Manifest
from lockgate.rights import RISKS, Rating, Worded, rating, worded
from lockgate_marketplace.site.owner import Standing
from lockgate_marketplace.site.release import Release

__all__ = ["Issue", "Plugin", "Project", "grouped"]

_NO_RIGHT = "none"
"""The value of the facet `right` of a plugin that asks for nothing."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One version of a project: its files, and why it is yanked, if it is."""

    version: str
    files: tuple[Release, ...]
    yanked: str | None

    @property
    def uploaded(self) -> int:
        """When its first file came."""
        return min(one.uploaded for one in self.files)

    @property
    def first(self) -> Release:
        """The file that speaks for all."""
        return self.files[0]


@dataclass(frozen=True)
class Project:
    """A project, its versions newest first."""

    name: str
    standing: Standing
    issues: tuple[Issue, ...]

    @property
    def offered(self) -> tuple[Issue, ...]:
        """What may be installed: nothing of what is quarantined (PEP 792)."""
        return () if self.standing.status == "quarantined" else self.issues

    @cached_property
    def latest(self) -> Issue:
        """What an installer takes: the newest that is not yanked, nor a preview."""
        sound = [one for one in self.issues if one.yanked is None]
        final = [one for one in sound if not _parsed(one.version).is_prerelease]
        return (final or sound or list(self.issues))[0]

    @property
    def updated(self) -> int:
        """When its last file came."""
        return max(one.uploaded for issue in self.issues for one in issue.files)

    @property
    def has_plugin(self) -> bool:
        """Whether its latest version is a plugin; known without reading a manifest."""
        return self.latest.first.manifest is not None

    @cached_property
    def plugin(self) -> Plugin | None:
        """The plugin that its latest version is; None for a library."""
        manifest = self.latest.first.plugin()
        return Plugin(manifest) if manifest else None

    @cached_property
    def facets(self) -> Mapping[str, tuple[str, ...]]:
        """The values of each of `catalog.FACETS`; empty for a library."""
        plugin = self.plugin
        if plugin is None:
            return {}
        manifest = plugin.manifest
        return {
            "kind": manifest.kinds,
            "tier": (manifest.tier,),
            "risk": (plugin.rating.risk,),
            "right": plugin.right_kinds or (_NO_RIGHT,),
            "hook": tuple(manifest.answers),
            "device": manifest.rights.devices,
            "tag": plugin.tags,
            "hook-api": (manifest.hook_api,),
            "python": (self.latest.first.requires_python or "any",),
        }

    @cached_property
    def changes(self) -> Mapping[str, Change]:
        """What each version asks for that the one before did not, and the reverse."""
        found: dict[str, Change] = {}
        before: dict[str, Worded] | None = None
        for issue in reversed(self.issues):
            manifest = issue.first.plugin()
            now = _asked(manifest) if manifest else {}
            if before is not None:
                found[issue.version] = Change(
                    added=tuple(w for k, w in now.items() if before.get(k) != w),
                    dropped=tuple(w for k, w in before.items() if k not in now),
                )
            before = now
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """How the rights that are asked for differ from the version before."""

    added: tuple[Worded, ...]
    dropped: tuple[Worded, ...]


@dataclass(frozen=True)
class Plugin:
    """A manifest, with what follows from it."""

    manifest: Manifest

    @cached_property
    def rights(self) -> tuple[Worded, ...]:
        """What it asks for, in words, the worst first."""
        asked = _asked(self.manifest).values()
        return tuple(sorted(asked, key=lambda one: -RISKS.index(one.risk)))

    @cached_property
    def rating(self) -> Rating:
        """How far it reaches."""
        return rating(self.manifest)

    @cached_property
    def right_kinds(self) -> tuple[str, ...]:
        """The kinds of its rights, the worst first; the tier is none of them."""
        kinds = (one.key.partition(":")[0] for one in self.rights)
        return tuple(dict.fromkeys(kind for kind in kinds if kind != "tier"))

    @property
    def tags(self) -> tuple[str, ...]:
        """What it says that it is about."""
        return self.manifest.capabilities.get("tags", ())


@lru_cache(maxsize=4096)
def _parsed(version: str) -> Version:
    """Thousands of files have the same few hundred versions."""
    return Version(version)


@lru_cache(maxsize=4096)
def _same(version: str) -> str:
    """What versions that compare equal have in common: ``1.0.0`` is ``1.0``."""
    return canonicalize_version(version)


def _asked(manifest: Manifest) -> dict[str, Worded]:
    return {right.key: worded(right) for right in rights_asked(manifest)}


def grouped(
    releases: Iterable[Release], standings: Mapping[str, Standing]
) -> tuple[Project, ...]:
    """The projects, by name."""
    by_name: dict[str, dict[str, list[Release]]] = {}
    for release in releases:
        versions = by_name.setdefault(release.project, {})
        versions.setdefault(_same(release.version), []).append(release)
    return tuple(
        _project(name, by_name[name], standings.get(name, Standing()))
        for name in sorted(by_name)
    )


def _project(
    name: str, versions: Mapping[str, list[Release]], standing: Standing
) -> Project:
    issues: list[Issue] = []
    for found in versions.values():
        files = tuple(sorted(found, key=lambda one: one.filename))
        version = files[0].version
        issues.append(Issue(version, files, standing.yank(_parsed(version))))
    issues.sort(key=lambda one: _parsed(one.version), reverse=True)
    return Project(name, standing, tuple(issues))
