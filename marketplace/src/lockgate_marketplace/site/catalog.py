"""``catalog.json``: the plugins of an index, with the facets that they are found by.

The form is documented, key by key, in ``docs/reference/catalog.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lockgate.rights import RISKS
from lockgate_marketplace.site.projects import Plugin, Project
from lockgate_marketplace.site.release import moment
from lockgate_marketplace.site.state import canonical

__all__ = ["FACETS", "catalog", "facet_counts", "facet_values", "updated"]

SCHEMA = 1

FACETS = (
    "kind", "tier", "risk", "right", "hook", "device", "tag", "hook-api", "python",
)  # fmt: skip
"""What plugins can be found by, in the order in which pages offer it."""

_ORDERED = {
    "risk": RISKS,
    "tier": ("read-only", "basic", "elevated", "admin", "system"),
}
NO_RIGHT = "none"
"""The value of the facet `right` of a plugin that asks for nothing."""


def facet_values(project: Project) -> dict[str, tuple[str, ...]]:
    """The values of each facet for a plugin; empty for a library."""
    plugin = project.plugin
    if plugin is None:
        return {}
    manifest = plugin.manifest
    return {
        "kind": manifest.kinds,
        "tier": (manifest.tier,),
        "risk": (plugin.rating.risk,),
        "right": plugin.right_kinds or (NO_RIGHT,),
        "hook": tuple(manifest.answers),
        "device": manifest.rights.devices,
        "tag": plugin.tags,
        "hook-api": (manifest.hook_api,),
        "python": (project.latest.first.requires_python or "any",),
    }


def facet_counts(projects: Iterable[Project]) -> dict[str, dict[str, int]]:
    """How many plugins have each value, in an order that pages can keep."""
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for project in projects:
        for facet, values in facet_values(project).items():
            counts[facet].update(set(values))
    return {facet: _ordered(facet, counter) for facet, counter in counts.items()}


def _ordered(facet: str, counter: Counter[str]) -> dict[str, int]:
    fixed = _ORDERED.get(facet)
    if fixed:
        return {value: counter[value] for value in fixed if counter[value]}
    return dict(sorted(counter.items(), key=lambda pair: (-pair[1], pair[0])))


def updated(projects: Iterable[Project]) -> int:
    """When the last file came; the beginning of time if none did."""
    return max((project.updated for project in projects), default=0)


def catalog(projects: Sequence[Project], *, title: str, base: str) -> bytes:
    """The file's bytes."""
    plugins = [project for project in projects if project.plugin is not None]
    libraries = [project.name for project in projects if project.plugin is None]
    return canonical(
        {
            "schema": SCHEMA,
            "title": title,
            "url": base,
            "updated": moment(updated(projects)),
            "facets": facet_counts(plugins),
            "plugins": [
                _entry(project, project.plugin) for project in plugins if project.plugin
            ],
            "libraries": libraries,
        }
    )


def _entry(project: Project, plugin: Plugin) -> dict[str, Any]:
    manifest, release = plugin.manifest, project.latest.first
    facets = facet_values(project)
    return {
        "name": manifest.name,
        "project": project.name,
        "version": project.latest.version,
        "summary": manifest.summary,
        "updated": moment(project.updated),
        "status": project.standing.status,
        "status-reason": project.standing.reason,
        "page": f"plugins/{project.name}/",
        "license": release.about.license,
        "risk": plugin.rating.risk,
        "risk-why": plugin.rating.why,
        "rights": [
            {"key": r.key, "may": r.text, "risk": r.risk, "detail": r.detail}
            for r in plugin.rights
        ],
        "facets": {facet: list(values) for facet, values in facets.items()},
        "requires": list(release.requires),
        "versions": [_version(project, at) for at in range(len(project.issues))],
    }


def _version(project: Project, at: int) -> dict[str, Any]:
    issue = project.issues[at]
    change = project.changes.get(issue.version)
    return {
        "version": issue.version,
        "uploaded": moment(issue.uploaded),
        "yanked": issue.yanked,
        "rights-added": [one.key for one in change.added] if change else [],
        "rights-dropped": [one.key for one in change.dropped] if change else [],
        "files": [
            {
                "filename": release.filename,
                "sha256": release.sha256,
                "size": release.size,
                "provenance": bool(release.provenance_sha256),
                "signers": [f"ed25519:{key}" for key in release.signers],
                "verdicts": [
                    {
                        "check": v.check,
                        "outcome": v.outcome,
                        "at": v.at,
                        "detail": v.detail,
                    }
                    for v in release.verdicts
                ],
            }
            for release in issue.files
        ],
    }
