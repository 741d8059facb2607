"""The Simple API as files: PEP 503 HTML and PEP 691 JSON, version 1.4.

Each form has its own path (``index.html``, ``index.json``), so that a file server
that negotiates nothing serves both. HTML is what pip and uv find; its features are
frozen (PEP 833), so what is new stands in JSON only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lockgate_marketplace.site.html import Html, document, tag, text
from lockgate_marketplace.site.projects import Issue, Project
from lockgate_marketplace.site.release import (
    MANIFEST_SUFFIX,
    PROVENANCE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
    moment,
)
from lockgate_marketplace.site.state import canonical

__all__ = ["API_VERSION", "project_html", "project_json", "root_html", "root_json"]

API_VERSION = "1.4"
_UP = "../../"


def root_json(projects: Sequence[Project]) -> bytes:
    """``simple/index.json``: every project."""
    return canonical(
        {
            "meta": {"api-version": API_VERSION},
            "projects": [{"name": project.name} for project in projects],
        }
    )


def root_html(projects: Sequence[Project]) -> bytes:
    """``simple/index.html``."""
    lines = [
        tag("a", text(project.name), href=f"{project.name}/") for project in projects
    ]
    return _page("Simple index", [], lines)


def project_json(project: Project, base: str) -> bytes:
    """``simple/PROJECT/index.json``; `base` is the site's address, or empty."""
    standing = project.standing
    status: dict[str, str] = {"status": standing.status}
    if standing.reason:
        status["reason"] = standing.reason
    return canonical(
        {
            "meta": {"api-version": API_VERSION},
            "name": project.name,
            "project-status": status,
            "versions": [issue.version for issue in project.offered],
            "files": [
                _file(issue, release, base)
                for issue in project.offered
                for release in issue.files
            ],
        }
    )


def _file(issue: Issue, release: Release, base: str) -> dict[str, Any]:
    """One file, by PEP 691, 700, 714, 740; `_lockgate` is ours (PEP 691: private)."""
    url = _UP + release.path()
    metadata = {"sha256": release.metadata_sha256}
    entry: dict[str, Any] = {
        "filename": release.filename,
        "url": url,
        "hashes": {"sha256": release.sha256},
        "size": release.size,
        "upload-time": moment(release.uploaded),
        "core-metadata": metadata,
        "data-dist-info-metadata": metadata,
        "yanked": False if issue.yanked is None else issue.yanked or True,
        "provenance": None,
    }
    if release.requires_python:
        entry["requires-python"] = release.requires_python
    if release.provenance_sha256:
        entry["provenance"] = _provenance(release, base)
    ours = {
        name: {"url": url + suffix, "sha256": digest}
        for name, suffix, digest in (
            ("manifest", MANIFEST_SUFFIX, release.manifest_sha256),
            ("signature", SIGNATURE_SUFFIX, release.signature_sha256),
        )
        if digest
    }
    return {**entry, "_lockgate": ours} if ours else entry


def _provenance(release: Release, base: str) -> str:
    """Absolute, as PEP 740 asks, where the site's address is known.

    All other links are relative: the same folder is right wherever it is served.
    """
    return (base or _UP) + release.path() + PROVENANCE_SUFFIX


def project_html(project: Project, base: str) -> bytes:
    """``simple/PROJECT/index.html``."""
    standing = project.standing
    meta = [_meta("pypi:project-status", standing.status)]
    if standing.reason:
        meta.append(_meta("pypi:project-status-reason", standing.reason))
    lines = [
        _anchor(issue, release, base)
        for issue in project.offered
        for release in issue.files
    ]
    return _page(f"Links for {project.name}", meta, lines)


def _anchor(issue: Issue, release: Release, base: str) -> Html:
    metadata = f"sha256={release.metadata_sha256}"
    return tag(
        "a",
        text(release.filename),
        href=f"{_UP}{release.path()}#sha256={release.sha256}",
        data_requires_python=release.requires_python or None,
        data_core_metadata=metadata,
        data_dist_info_metadata=metadata,
        data_yanked=issue.yanked,
        data_provenance=_provenance(release, base)
        if release.provenance_sha256
        else None,
        data_lockgate_manifest=_hash(release.manifest_sha256),
        data_lockgate_signature=_hash(release.signature_sha256),
    )


def _hash(digest: str) -> str | None:
    return f"sha256={digest}" if digest else None


def _meta(name: str, content: str) -> Html:
    return tag("meta", name=name, content=content)


def _page(title: str, meta: list[Html], anchors: list[Html]) -> bytes:
    head = [
        tag("meta", charset="utf-8"),
        _meta("pypi:repository-version", API_VERSION),
        *meta,
        tag("title", text(title)),
    ]
    body = [tag("h1", text(title)), *(Html(f"{one}{tag('br')}\n") for one in anchors)]
    return document(head, body)
