"""A folder of wheels becomes a site: ``lockgate index build``."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import owner, pages, simple
from lockgate_marketplace.site.catalog import catalog, facet_counts, facet_values
from lockgate_marketplace.site.feed import feed
from lockgate_marketplace.site.html import safe_url
from lockgate_marketplace.site.intake import (
    Intake,
    Progress,
    Refused,
    owned_names,
    sorted_refusals,
    take_in,
)
from lockgate_marketplace.site.projects import Project, grouped
from lockgate_marketplace.site.release import METADATA_SUFFIX, Release
from lockgate_marketplace.site.state import STATE_FILE, State, canonical, read_state
from lockgate_marketplace.site.tree import Tree

__all__ = ["Options", "Report", "build"]


def _quiet(message: str, fraction: float | None) -> None:
    """Show no progress."""
    del message, fraction


@dataclass(frozen=True, slots=True)
class Options:
    """How a site is built.

    `url` is the address that the site will have, ending in a slash; without it, links
    within the site are relative, and provenance has no absolute address (PEP 740 asks
    for one). `status` is the owner's file, by default ``status.toml`` beside the
    wheels. With `strict`, a wheel that is refused stops the build.
    """

    title: str = "Plugins"
    url: str = ""
    status: Path | None = None
    strict: bool = False
    progress: Progress = field(default=_quiet)


@dataclass(frozen=True, slots=True)
class Report:
    """What a build did. `judged` wheels were new, `hashed` ones known already."""

    site: Path
    projects: int
    plugins: int
    judged: int
    hashed: int
    refused: tuple[Refused, ...]
    removed: tuple[str, ...]


def build(wheels: Path, site: Path, options: Options | None = None) -> Report:
    """Make `site` the index of the wheels below `wheels`: whole, or as it was.

    The same wheels, options, `SOURCE_DATE_EPOCH` and present site give the same bytes.

    Raises:
        PublishError: If the folder, the owner's file or the present site is wrong, or
            with `strict` a wheel.
        OSError: If the site can't be written.
    """
    chosen = options or Options()
    base = _checked_base(chosen.url)
    standings = owner.read_standings(chosen.status or wheels / owner.STATUS_FILE)
    before = read_state(site) or State()
    with Tree(site) as tree:
        intake = take_in(
            wheels,
            before,
            tree,
            rules=_rules(),
            now=_now(),
            progress=chosen.progress,
        )
        kept, taken = owned_names(intake.releases)
        refused = sorted_refusals(intake.refused, taken)
        if refused and chosen.strict:
            raise _strict(refused)
        projects = grouped(kept, standings)
        _withhold(projects, taken, intake, tree)
        frame = pages.Frame(chosen.title, base)
        digests = dict(_write(projects, frame, before, tree))
        after = _next_state(before, kept, digests)
        tree.write(STATE_FILE, after.encoded())
        tree.swap()
    return Report(
        site=site,
        projects=len(projects),
        plugins=sum(project.plugin is not None for project in projects),
        judged=len(intake.judged),
        hashed=len(intake.releases) - len(intake.judged),
        refused=refused,
        removed=tuple(sorted(before.releases.keys() - after.releases.keys())),
    )


def _checked_base(url: str) -> str:
    if url and safe_url(url) is None:
        message = f"{url!r} is no address that a site can have"
        raise PublishError("index-url-invalid", message)
    return url if not url or url.endswith("/") else f"{url}/"


def _now() -> int:
    """The time that new files get: ``SOURCE_DATE_EPOCH`` (reproducible-builds.org)."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given.isascii() and given.isdigit() else int(time.time())


def _rules() -> str:
    return version("lockgate-marketplace")


def _strict(refused: Sequence[Refused]) -> PublishError:
    message = f"{len(refused)} of the wheels are refused"
    return PublishError(
        "index-wheel-refused",
        message,
        where=refused[0].file,
        refused=[f"{one.file}: {one.code}: {one.message}" for one in refused],
    )


def _withhold(
    projects: Sequence[Project],
    taken: Sequence[Refused],
    intake: Intake,
    tree: Tree,
) -> None:
    """Take out of the next site what is not offered: quarantined, or refused late."""
    late = {one.file for one in taken}
    held = {project.name for project in projects if not project.offered}
    for release in intake.releases:
        if release.filename in late or release.project in held:
            for path in tree.path(release.path()).parent.glob(f"{release.filename}*"):
                path.unlink()


def _next_state(
    before: State, kept: Sequence[Release], digests: dict[str, str]
) -> State:
    releases = {one.filename: one for one in kept}
    gone = {
        name: release.sha256
        for name, release in before.releases.items()
        if name not in releases
    }
    still = {name: sha for name, sha in before.gone.items() if name not in releases}
    return State(_rules(), releases, {**still, **gone}, digests)


def _write(
    projects: Sequence[Project], frame: pages.Frame, before: State, tree: Tree
) -> Iterator[tuple[str, str]]:
    """Write every page, or take it over if nothing changed that it is made from."""
    common = [_rules(), frame.title, frame.base]
    digests: list[str] = []
    for project in projects:
        digest = _digest(common, project)
        digests.append(digest)
        yield f"project:{project.name}", digest
        if before.digests.get(f"project:{project.name}") != digest or not _kept(
            project, tree
        ):
            _write_project(project, frame, tree)
    tree.write("simple/index.html", simple.root_html(projects))
    tree.write("simple/index.json", simple.root_json(projects))
    _write_common(projects, frame, tree)


def _digest(common: list[str], project: Project) -> str:
    """What a project's pages are made from, as one hash."""
    standing = project.standing
    files = [one.to_data() for issue in project.issues for one in issue.files]
    parts = [common, standing.status, standing.reason, dict(standing.yanked), files]
    return hashlib.sha256(canonical(parts)).hexdigest()


def _project_paths(project: Project) -> list[str]:
    paths = [f"simple/{project.name}/index.html", f"simple/{project.name}/index.json"]
    if project.plugin is not None:
        paths.append(f"plugins/{project.name}/index.html")
    return paths


def _kept(project: Project, tree: Tree) -> bool:
    kept = [tree.keep(path) for path in _project_paths(project)]
    return all(kept)


def _write_project(project: Project, frame: pages.Frame, tree: Tree) -> None:
    name = project.name
    tree.replace(f"simple/{name}/index.html", simple.project_html(project, frame.base))
    tree.replace(f"simple/{name}/index.json", simple.project_json(project, frame.base))
    if project.plugin is not None:
        page = pages.plugin_page(frame, project, _metadata(project, tree))
        tree.replace(f"plugins/{name}/index.html", page)


def _metadata(project: Project, tree: Tree) -> bytes:
    """METADATA of the latest version; nothing of what is quarantined."""
    if not project.offered:
        return b""
    return tree.path(project.latest.first.path(METADATA_SUFFIX)).read_bytes()


def _write_common(projects: Sequence[Project], frame: pages.Frame, tree: Tree) -> None:
    """The pages that speak of all projects."""
    plugins = [project for project in projects if project.plugin is not None]
    libraries = [project.name for project in projects if project.plugin is None]
    counts = facet_counts(plugins)
    whole = pages.catalogue_page(frame, plugins, counts, libraries=libraries)
    tree.write("index.html", whole)
    by_value: dict[tuple[str, str], list[Project]] = {}
    for project in plugins:
        for facet, values in facet_values(project).items():
            for value in dict.fromkeys(values):
                by_value.setdefault((facet, value), []).append(project)
    for (facet, value), some in by_value.items():
        if facet in pages.FACET_PAGES:
            page = pages.catalogue_page(frame, some, counts, chosen=(facet, value))
            tree.write(f"{pages.facet_path(facet, value)}index.html", page)
    tree.write("catalog.json", catalog(projects, title=frame.title, base=frame.base))
    tree.write("feed.xml", feed(projects, title=frame.title, base=frame.base))
    for name in pages.ASSETS:
        tree.write(name, pages.asset(name))
