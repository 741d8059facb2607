"""The page of one plugin: what it is, what it may do, and how that came about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from packaging.metadata import parse_email

from lockgate.quantities import size
from lockgate.rights import Worded
from lockgate_marketplace.site.html import Html, join, link, tag, text
from lockgate_marketplace.site.markdown import readme
from lockgate_marketplace.site.pages._catalogue import FACET_PAGES, facet_path
from lockgate_marketplace.site.pages._frame import Frame
from lockgate_marketplace.site.pages._history import history
from lockgate_marketplace.site.pages._words import meter, risk_mark, when
from lockgate_marketplace.site.projects import Plugin, Project
from lockgate_marketplace.site.release import PROVENANCE_SUFFIX, Release

__all__ = ["plugin_page"]

_UP = "../../"
_CHANGES = ("changelog", "changes", "release notes", "history", "what's new")


def plugin_page(frame: Frame, project: Project, metadata: bytes) -> bytes:
    """The page; `metadata` is METADATA of the project's latest version.

    Raises:
        ValueError: If the project is a library.
    """
    plugin = project.plugin
    if plugin is None:
        raise ValueError(f"{project.name} is a library: it has no page")
    main = [
        tag("div", _head(project, plugin), class_="intro"),
        tag(
            "div",
            tag("div", _body(frame, project, plugin, metadata), class_="body"),
            tag("aside", _side(project, plugin), aria_label="Facts", class_="side"),
            class_="split",
        ),
    ]
    name = plugin.manifest.name
    return frame.page(name=name, depth=2, main=main, body="plugin")


def _head(project: Project, plugin: Plugin) -> Iterator[Html]:
    manifest, standing = plugin.manifest, project.standing
    version = tag("span", text(project.latest.version), class_="version")
    yield tag("h1", text(manifest.name), text(" "), version)
    yield tag("p", text(manifest.summary), class_="lead")
    kinds = [_facet("kind", kind) for kind in manifest.kinds]
    tier = _facet("tier", manifest.tier, f"tier {manifest.tier}")
    yield tag("p", kinds, tier, risk_mark(plugin.rating.risk), class_="facts")
    if standing.status != "active":
        said = f"This project is {standing.status}"
        said += f": {standing.reason}" if standing.reason else "."
        yield tag("p", text(said), class_=f"notice {standing.status}", role="note")
    if project.latest.yanked is not None:
        said = f"This version is yanked: {project.latest.yanked or 'no reason given'}"
        yield tag("p", text(said), class_="notice yanked", role="note")


def _facet(facet: str, value: str, word: str = "") -> Html:
    if facet not in FACET_PAGES:
        return tag("span", text(word or value))
    return tag("a", text(word or value), href=_UP + facet_path(facet, value))


def _body(
    frame: Frame, project: Project, plugin: Plugin, metadata: bytes
) -> Iterator[Html]:
    if project.standing.status != "quarantined":
        yield _section("install", "Install", _install(frame, project))
    yield _section("rights", "What it asks for", _rights(plugin))
    yield _section("hooks", "What it answers", _hooks(plugin))
    yield _section("versions", "Versions", history(project))
    raw = cast("dict[str, Any]", parse_email(metadata)[0])
    body = raw.get("description")
    if isinstance(body, str) and body.strip():
        kind = str(raw.get("description_content_type", ""))
        shown = tag("div", readme(body, kind), class_="readme")
        yield _section("readme", "Read me", [shown])


def _section(name: str, title: str, content: Iterator[Html] | list[Html]) -> Html:
    heading = tag("h2", text(title), id=f"{name}-h")
    return tag("section", heading, content, id=name, aria_labelledby=f"{name}-h")


def _install(frame: Frame, project: Project) -> Iterator[Html]:
    index = f"{frame.base or 'SITE/'}simple/"
    wanted = project.name
    if project.latest.yanked is not None:  # PEP 592: then only what is asked for
        wanted = f"{wanted}=={project.latest.version}"
        said = "Every version is yanked. An installer takes one if it is named:"
        yield tag("p", text(said))
    yield _command(f"lockgate install {wanted}", "lockgate command")
    table = f'[plugins.marketplace.indexes.main]\nurl = "{index}"'
    site = "" if frame.base else " SITE is the address of this index."
    where = "It goes into your settings: lockgate config path tells where they are."
    yield tag(
        "details",
        tag("summary", text("If your lockgate does not know this index yet")),
        _command(table, "settings"),
        tag("p", text(where + site), class_="muted"),
    )
    more = tag("summary", text("With pip or uv"))
    note = text(
        "They install the same wheel, unjudged and with no seal of their own; "
        "lockgate then seals it when it runs."
    )
    note = join(note, text(site))
    other = [
        _command(f"pip install --index-url {index} {wanted}", "pip command"),
        _command(f"uv pip install --index-url {index} {wanted}", "uv command"),
        tag("p", note, class_="muted"),
    ]
    yield tag("details", more, other)


def _command(line: str, what: str) -> Html:
    """Something to copy; `what` names it for whoever does not see it."""
    code = tag("code", text(line))
    # It appears with the script that makes it work.
    button = tag(
        "button",
        text("Copy"),
        type="button",
        class_="copy",
        aria_label=f"Copy the {what}",
        data_copy=line,
        hidden=True,
    )
    box = tag("pre", code, tabindex="0", aria_label=what, role="group")
    return tag("div", box, button, class_="command")


def _rights(plugin: Plugin) -> Iterator[Html]:
    risk = plugin.rating.risk
    why = tag("span", text(plugin.rating.why))
    yield tag("p", meter(risk), why, class_=f"verdict {risk}")
    if not plugin.rights:
        return
    yield tag("p", text("Granted all of it, it may"), class_="may")
    yield tag("ul", [_right(right) for right in plugin.rights], class_="rights")
    yield tag(
        "p",
        text("Asking grants nothing. Without a grant it runs without the right. "),
        tag("code", text(f"lockgate grants show {plugin.manifest.name}")),
        class_="muted",
    )


def _right(right: Worded) -> Html:
    detail = tag("span", text(right.detail), class_="detail") if right.detail else None
    return tag(
        "li",
        tag("span", text(right.text), class_="may"),
        tag("span", text(right.risk), class_=f"risk {right.risk}"),
        tag("code", text(right.key)),
        detail,
        class_=right.risk,
    )


def _hooks(plugin: Plugin) -> Iterator[Html]:
    manifest = plugin.manifest
    hooks = [tag("li", _facet("hook", name)) for name in manifest.answers]
    if hooks:
        yield tag("ul", hooks, class_="chips")
    if manifest.wrappers:
        said = "It runs around the others at: " + ", ".join(manifest.wrappers)
        yield tag("p", text(said))
    if manifest.commands:
        rows = [
            tag(
                "li",
                tag("code", text(f"lockgate {one.noun} {one.verb}")),
                text(f" {one.help}"),
            )
            for one in manifest.commands
        ]
        yield tag("ul", rows, class_="commands")
    facts = [
        (key, words)
        for key, words in manifest.capabilities.items()
        if words and key != "tags"
    ]
    if facts:
        yield _facts([(key.capitalize(), text(", ".join(w))) for key, w in facts])


def _facts(rows: list[tuple[str, Html]]) -> Html:
    pairs = [tag("div", tag("dt", text(key)), tag("dd", value)) for key, value in rows]
    return tag("dl", pairs)


def _side(project: Project, plugin: Plugin) -> Iterator[Html]:
    release, manifest = project.latest.first, plugin.manifest
    rows = [
        ("Version", text(project.latest.version)),
        ("Published", when(project.latest.uploaded)),
        ("Python", text(release.requires_python or "any")),
        ("Hook API", text(manifest.hook_api)),
        ("Distribution", text(project.name)),
    ]
    if release.about.license:
        rows.append(("Licence", text(release.about.license)))
    if release.about.author:
        rows.append(("Author", text(release.about.author)))
    yield _facts(rows)
    if plugin.tags:
        tags = [tag("li", _facet("tag", word)) for word in plugin.tags]
        yield tag("ul", tags, class_="chips", aria_label="Tags")
    yield from _links(release)
    yield from _needs(release, manifest.requires)
    yield from _origin(project, release)


def _links(release: Release) -> Iterator[Html]:
    urls = sorted(
        release.about.urls.items(), key=lambda pair: pair[0].lower() not in _CHANGES
    )
    rows = [tag("li", link(url, text(name[:60]))) for name, url in urls]
    if rows:
        yield tag("h2", text("Links"))
        yield tag("ul", rows, class_="plain-list")


def _needs(release: Release, plugins: tuple[str, ...]) -> Iterator[Html]:
    rows = [tag("li", tag("code", text(need))) for need in release.requires]
    rows += [tag("li", text("plugin "), tag("code", text(name))) for name in plugins]
    yield tag("h2", text("Requires"))
    yield tag("ul", rows, class_="plain-list") if rows else tag("p", text("Nothing."))


def _origin(project: Project, release: Release) -> Iterator[Html]:
    yield tag("h2", text("Files"))
    offered = project.standing.status != "quarantined"
    yield tag(
        "ul", [_file(one, offered) for one in project.latest.files], class_="files"
    )
    yield tag("h2", text("Provenance"))
    for key in release.signers:
        yield tag("p", text("Signed by the holder of the key"))
        yield tag("p", tag("code", text(f"ed25519:{key}")))
    if not release.publishers:
        if not release.signers:
            yield tag("p", text("No attestation: who built it is not proven."))
        return
    for publisher in release.publishers:
        rows = [
            (key.replace("_", " "), text(value)) for key, value in publisher.items()
        ]
        yield _facts(rows)
    yield tag("p", text("lockgate verifies it when it installs."), class_="muted")
    if offered:
        path = _UP + release.path(PROVENANCE_SUFFIX)
        yield tag("p", tag("a", text("The attestation"), href=path))


def _file(release: Release, offered: bool) -> Html:
    name = text(release.filename)
    shown = tag("a", name, href=_UP + release.path()) if offered else name
    return tag(
        "li",
        shown,
        tag("span", text(size(release.size)), class_="muted"),
        tag(
            "details", tag("summary", text("sha256")), tag("code", text(release.sha256))
        ),
    )
