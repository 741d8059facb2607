"""``feed.xml``: an Atom feed (RFC 4287) of the versions that came last."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from lockgate_marketplace.site.catalog import updated
from lockgate_marketplace.site.html import text
from lockgate_marketplace.site.projects import Issue, Project
from lockgate_marketplace.site.release import moment

__all__ = ["FEED_ENTRIES", "feed"]

FEED_ENTRIES = 50


def feed(projects: Sequence[Project], *, title: str, base: str) -> bytes:
    """The feed's bytes; without `base`, the site's address, its links are relative."""
    plugins = [project for project in projects if project.has_plugin]
    pairs = [(project, issue) for project in plugins for issue in project.offered]
    pairs.sort(key=lambda pair: (-pair[1].uploaded, pair[0].name))
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{_text(title)}</title>",
        f"<id>{_text(base or 'urn:lockgate:index')}</id>",
        f"<updated>{moment(updated(plugins))}</updated>",
        f'<link rel="self" href={_attribute(base + "feed.xml")}/>',
        f"<link href={_attribute(base or './')}/>",
        *(_entry(project, issue, base) for project, issue in pairs[:FEED_ENTRIES]),
        "</feed>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _entry(project: Project, issue: Issue, base: str) -> str:
    release = issue.first
    name = f"{project.name} {issue.version}"
    change = project.changes.get(issue.version)
    more = "; ".join(one.text for one in change.added) if change else ""
    said = release.about.summary + (f" Now it may also: {more}." if more else "")
    author = release.about.author or project.name
    return "\n".join(
        [
            "<entry>",
            f"<title>{_text(name)}</title>",
            f"<id>urn:sha256:{release.sha256}</id>",
            f"<updated>{moment(issue.uploaded)}</updated>",
            f"<author><name>{_text(author)}</name></author>",
            f"<link href={_attribute(f'{base}plugins/{project.name}/')}/>",
            f"<summary>{_text(said)}</summary>",
            "</entry>",
        ]
    )


def _text(value: str) -> str:
    """Characters that XML can't hold are gone as they are from pages."""
    return str(text(value)).replace("&#x27;", "'")


def _attribute(value: str) -> str:
    return quoteattr(value)
