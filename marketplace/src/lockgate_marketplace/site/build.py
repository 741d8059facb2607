"""A folder of wheels becomes a site: ``lockgate index build``."""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import owner, simple
from lockgate_marketplace.site.catalog import CATALOG_FILE, catalog, entries
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
from lockgate_marketplace.site.pages import (
    ASSETS,
    Catalogue,
    Frame,
    asset,
    plugin_page,
)
from lockgate_marketplace.site.projects import Project, grouped
from lockgate_marketplace.site.release import (
    MANIFEST_SUFFIX,
    METADATA_SUFFIX,
    PROVENANCE_SUFFIX,
    SIGNATURE_SUFFIX,
    Release,
)
from lockgate_marketplace.site.state import STATE_FILE, State, read_state
from lockgate_marketplace.site.tree import Tree
from lockgate_marketplace.sources import is_loopback

__all__ = ["Options", "Report", "build", "options_of"]


_SUFFIXES = (
    "",
    METADATA_SUFFIX,
    MANIFEST_SUFFIX,
    PROVENANCE_SUFFIX,
    SIGNATURE_SUFFIX,
)


def _quiet(message: str, fraction: float | None) -> None:
    """Show no progress."""
    del message, fraction


@dataclass(frozen=True, slots=True)
class Options:
    """How a site is built.

    `url` is the address that the site will have, ending in a slash. Links within the
    site are relative all the same, so that it can be served from anywhere; the feed
    and provenance need an absolute one (PEP 740), which they lack without it. `status`
    is the owner's file, by default ``status.toml`` beside the wheels. With `strict`, a
    wheel that is refused stops the build.
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
    A build waits for another one of the same site.

    Raises:
        PublishError: If the folder, the owner's file or the present site is wrong, or
            with `strict` a wheel; if a file can't be read or written
            (`index-unwritable`).
    """
    collects = gc.isenabled()
    gc.disable()  # a build makes some 100,000 values that live until its end
    try:
        with _alone(site):
            return _build(wheels, site, options or Options())
    except OSError as error:
        message = f"{error.filename or site}: {error.strerror or error}"
        raise PublishError("index-unwritable", message, where=str(site)) from error
    finally:
        if collects:
            gc.enable()


@contextmanager
def _alone(site: Path) -> Generator[None]:
    """Let builds of a site go one after the other, each from what the last one left.

    Else the slower one takes back what the other published, and forgets that those
    names have their bytes for ever.
    """
    parent = Path(os.path.realpath(site)).parent
    parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:  # NFS has no locks of folders
            if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP):
                raise
        yield
    finally:
        os.close(lock)


def _build(wheels: Path, site: Path, chosen: Options) -> Report:
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
        after = State(
            rules=_rules(),
            releases={one.filename: one for one in kept},
            gone=_gone(before, kept),
            title=chosen.title,
            url=base,
            standings=standings,
            pages=before.pages,
        )
        whole = all(map(tree.has, before.pages))
        if after != before or intake.judged or not whole:
            projects = grouped(kept, standings)
            _withhold(projects, taken, intake, tree)
            pages = tuple(_write(projects, before, after, tree))
            tree.write(STATE_FILE, replace(after, pages=pages).encoded())
            tree.swap()
    return _report(site, before, after, intake, refused)


def options_of(site: Path) -> Options:
    """The title and address with which the present `site` was built.

    An address of this machine, where it was tried, is nobody's elsewhere: it is not
    kept.

    Raises:
        PublishError: As `build`.
    """
    found = read_state(site)
    if found is None:
        return Options()
    here = is_loopback(urlsplit(found.url).hostname or "")
    return Options(title=found.title, url="" if here else found.url)


def _report(
    site: Path,
    before: State,
    after: State,
    intake: Intake,
    refused: tuple[Refused, ...],
) -> Report:
    plugins = {one.project for one in after.releases.values() if one.manifest}
    return Report(
        site=site,
        projects=len({one.project for one in after.releases.values()}),
        plugins=len(plugins),
        judged=len(intake.judged),
        hashed=sum(one.filename not in intake.judged for one in intake.releases),
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
            for suffix in _SUFFIXES:
                tree.drop(release.path(suffix))


def _gone(before: State, kept: Sequence[Release]) -> dict[str, str]:
    """The hashes of files that were published once, and are no longer."""
    names = {one.filename for one in kept}
    had = {name: release.sha256 for name, release in before.releases.items()}
    return {
        name: digest
        for name, digest in {**before.gone, **had}.items()
        if name not in names
    }


def _write(
    projects: Sequence[Project], before: State, after: State, tree: Tree
) -> Iterator[str]:
    """Write every page, or take it over if nothing changed that it is made from.

    Yields each page's path.
    """
    frame = Frame(after.title, after.url)
    files = Counter(release.project for release in before.releases.values())
    was = (before.rules, before.title, before.url)
    same = was == (after.rules, after.title, after.url)
    kept: set[str] = set()
    for project in projects:
        paths = _paths(project)
        yield from paths
        if same and _unchanged(project, files, before, after):
            kept.add(project.name)
            if all(tree.keep(path) for path in paths):
                continue
        for path, page in zip(paths, _pages(project, frame, tree), strict=True):
            tree.write(path, page)
    known = entries(tree.present(CATALOG_FILE)) if kept else {}
    known = {name: entry for name, entry in known.items() if name in kept}
    for path, page in _common_pages(projects, frame, known):
        tree.write(path, page)
        yield path


def _unchanged(
    project: Project, files: Mapping[str, int], before: State, after: State
) -> bool:
    """Whether a project's files, and what its owner says of it, are what they were."""
    now = [release for issue in project.issues for release in issue.files]
    return (
        len(now) == files.get(project.name, 0)
        and before.standings.get(project.name) == after.standings.get(project.name)
        and all(before.releases.get(one.filename) == one for one in now)
    )


def _paths(project: Project) -> list[str]:
    paths = [f"simple/{project.name}/index.html", f"simple/{project.name}/index.json"]
    if project.has_plugin:
        paths.append(f"plugins/{project.name}/index.html")
    return paths


def _pages(project: Project, frame: Frame, tree: Tree) -> Iterator[bytes]:
    """What belongs to `_paths`."""
    yield simple.project_html(project, frame.base)
    yield simple.project_json(project, frame.base)
    if project.has_plugin:
        # Nothing of what is quarantined is read, either.
        path = project.latest.first.path(METADATA_SUFFIX)
        yield plugin_page(frame, project, tree.read(path) if project.offered else b"")


def _common_pages(
    projects: Sequence[Project], frame: Frame, known: Mapping[str, Any]
) -> Iterator[tuple[str, bytes]]:
    """The pages that speak of all projects, with their paths.

    `known` are the catalogue's entries of those in which nothing changed.
    """
    plugins = [project for project in projects if project.has_plugin]
    libraries = [project.name for project in projects if not project.has_plugin]
    lists = Catalogue(frame, plugins, libraries)
    yield "simple/index.html", simple.root_html(projects)
    yield "simple/index.json", simple.root_json(projects)
    yield "index.html", lists.whole()
    for path, page in lists.by_value():
        yield f"{path}index.html", page
    title, base = frame.title, frame.base
    yield CATALOG_FILE, catalog(projects, title=title, base=base, kept=known)
    yield "feed.xml", feed(projects, title=title, base=base)
    for name in ASSETS:
        yield name, asset(name)
