"""``catalog.json``: the plugins of an index, with the facets that they are found by.

The form is documented, key by key, in ``docs/reference/catalog.md``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockgate.rights import RISKS
from lockgate_marketplace.site.projects import Plugin, Project
from lockgate_marketplace.site.release import moment
from lockgate_marketplace.site.state import canonical

__all__ = [
    "CATALOG_FILE",
    "FACETS",
    "catalog",
    "entries",
    "facet_counts",
    "updated",
]

CATALOG_FILE = "catalog.json"
SCHEMA = 1

FACETS = (
    "kind", "tier", "risk", "right", "hook", "device", "tag", "hook-api", "python",
)  # fmt: skip
"""What plugins can be found by, in the order in which pages offer it."""

_ORDERED = {
    "risk": RISKS,
    "tier": ("read-only", "basic", "elevated", "admin", "system"),
}


def facet_counts(projects: Iterable[Project]) -> dict[str, dict[str, int]]:
    """How many plugins have each value, in an order that pages can keep."""
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in FACETS}
    for project in projects:
        for facet, values in project.facets.items():
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


def catalog(
    projects: Sequence[Project],
    *,
    title: str,
    base: str,
    kept: Mapping[str, Any] | None = None,
) -> bytes:
    """The file's bytes; `kept` are entries that are right still, by their project."""
    plugins = [project for project in projects if project.has_plugin]
    libraries = [project.name for project in projects if not project.has_plugin]
    kept = kept or {}
    return canonical(
        {
            "schema": SCHEMA,
            "title": title,
            "url": base,
            "updated": moment(updated(projects)),
            "facets": facet_counts(plugins),
            "plugins": [
                kept.get(project.name) or _entry(project, project.plugin)
                for project in plugins
                if project.plugin
            ],
            "libraries": libraries,
        }
    )


def entries(raw: bytes) -> dict[str, Any]:
    """The entries of a catalogue, by their project; none if it is not ours."""
    try:
        found = json.loads(raw)
        if found["schema"] != SCHEMA:
            return {}
        return {one["project"]: one for one in found["plugins"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _entry(project: Project, plugin: Plugin) -> dict[str, Any]:
    manifest, release = plugin.manifest, project.latest.first
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
        "facets": {facet: list(values) for facet, values in project.facets.items()},
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
                "verdicts": [one.to_data() for one in release.verdicts],
            }
            for release in issue.files
        ],
    }
