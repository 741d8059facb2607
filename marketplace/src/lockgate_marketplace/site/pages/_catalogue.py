"""The list of plugins: the whole, or those that have one value of one facet."""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterator, Mapping, Sequence

from lockgate_marketplace.site.catalog import facet_counts
from lockgate_marketplace.site.html import Html, tag, text
from lockgate_marketplace.site.pages._frame import Frame
from lockgate_marketplace.site.pages._words import (
    FACET_WORDS,
    badge,
    risk_mark,
    value_word,
    when,
)
from lockgate_marketplace.site.projects import Project

__all__ = ["FACET_PAGES", "Catalogue", "facet_path", "slug"]

FACET_PAGES = ("kind", "tier", "risk", "right", "hook", "tag")
"""The facets with pages of their own."""

_PLAIN = frozenset(string.ascii_letters + string.digits + "-_.")
_SLUG_CHARS = 100
_UP = "../../../"
_LINK = ' href="plugins/'
"""A row's link from the root; no foreign text can hold it, since quotes are escaped."""

_SHOWN = 8
"""How many values of a facet are shown before the rest is folded away."""

_LONG = 200
"""From how many rows on those out of sight are laid out when they come into it."""

_LISTED = 60
"""How many are listed at all, the most common first; the search finds the others."""


def slug(value: str) -> str:
    """A facet's value as one part of a path; what is odd in it becomes its number."""
    plain = "".join(char if char in _PLAIN else f"~{ord(char):x}" for char in value)
    if plain.startswith("."):
        plain = f"~2e{plain[1:]}"
    if len(plain) <= _SLUG_CHARS:
        return plain
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain[:_SLUG_CHARS]}~{digest[:16]}"


def facet_path(facet: str, value: str) -> str:
    """The folder of the page for one value."""
    return f"by/{facet}/{slug(value)}/"


class Catalogue:
    """The pages that list plugins: what they share is made once for all of them."""

    def __init__(
        self, frame: Frame, projects: Sequence[Project], libraries: Sequence[str] = ()
    ) -> None:
        self._frame = frame
        self._projects = projects
        self._libraries = libraries
        self._counts = facet_counts(projects)
        self._asides = {up: _aside(self._counts, up) for up in ("", _UP)}
        self._rows = {project.name: _row(project) for project in projects}

    def whole(self) -> bytes:
        """The page of all plugins."""
        return self._page(self._frame.title, self._projects)

    def by_value(self) -> Iterator[tuple[str, bytes]]:
        """Each page for one value of one facet, with its path."""
        found: dict[tuple[str, str], list[Project]] = {}
        for project in self._projects:
            for facet, values in project.facets.items():
                if facet in FACET_PAGES:
                    for value in dict.fromkeys(values):
                        found.setdefault((facet, value), []).append(project)
        for chosen, some in found.items():
            heading = f"{FACET_WORDS[chosen[0]]}: {value_word(*chosen)}"
            yield facet_path(*chosen), self._page(heading, some, chosen)

    def _page(
        self,
        heading: str,
        projects: Sequence[Project],
        chosen: tuple[str, str] | None = None,
    ) -> bytes:
        up = _UP if chosen else ""
        aside = self._asides[up]
        if chosen:
            count = self._counts[chosen[0]][chosen[1]]
            plain = _value(*chosen, count, up)
            aside = Html(aside.replace(plain, _value(*chosen, count, up, here=True)))
        rows = "".join([self._rows[project.name] for project in projects])
        listing = Html(rows.replace(_LINK, f' href="{up}plugins/'))
        main = [
            tag("div", _intro(heading, len(projects), chosen, up), class_="intro"),
            tag("div", aside, _listing(listing, len(projects), up), class_="columns"),
            None if chosen else _library_list(self._libraries, up),
        ]
        return self._frame.page(
            name=heading if chosen else "",
            depth=3 if chosen else 0,
            main=main,
            body="catalogue chosen" if chosen else "catalogue",
        )


def _intro(
    heading: str, count: int, chosen: tuple[str, str] | None, up: str
) -> Iterator[Html]:
    yield tag("h1", text(heading))
    plural = "plugin" if count == 1 else "plugins"
    yield tag("p", text(f"{count} {plural}"), class_="count", role="status")
    if chosen:
        yield tag("p", tag("a", text("All plugins"), href=up), class_="back")
    # Without a script a search would do nothing: the script shows it.
    field = tag(
        "input",
        type="search",
        id="q",
        autocomplete="off",
        spellcheck="false",
        placeholder="name, word, hook, host …",
    )
    label = tag("label", text("Search"), for_="q")
    clear = tag("button", text("Clear filters"), type="button", id="clear", hidden=True)
    yield tag("div", label, field, clear, class_="search", role="search", hidden=True)


def _aside(counts: Mapping[str, Mapping[str, int]], up: str) -> Html:
    groups = [
        _group(facet, counts[facet], up) for facet in FACET_PAGES if counts[facet]
    ]
    summary = tag("summary", text("Filter"))
    box = tag("details", summary, tag("div", groups, class_="groups"), class_="filters")
    return tag("nav", box, aria_label="Filter", class_="aside")


def _group(facet: str, counts: Mapping[str, int], up: str) -> Html:
    pairs = list(counts.items())[:_LISTED]
    rows = [_value(facet, value, count, up) for value, count in pairs]
    title = tag("h2", text(FACET_WORDS[facet]), id=f"f-{facet}")
    first = tag("ul", rows[:_SHOWN], aria_labelledby=f"f-{facet}")
    rest = None
    if len(rows) > _SHOWN:
        more = tag("summary", text(f"{len(rows) - _SHOWN} more"))
        rest = tag("details", more, tag("ul", rows[_SHOWN:]), class_="more")
    return tag("section", title, first, rest)


def _value(facet: str, value: str, count: int, up: str, *, here: bool = False) -> Html:
    return tag(
        "li",
        tag(
            "a",
            tag("span", text(value_word(facet, value))),
            tag("span", text(str(count)), class_="n"),
            href=up + facet_path(facet, value),
            data_facet=facet,
            data_value=value,
            aria_current="page" if here else None,
        ),
    )


def _listing(rows: Html, count: int, up: str) -> Html:
    none = tag(
        "p",
        text("No plugin is like that. "),
        tag("a", text("Show all"), href=up or "./", class_="reset"),
        class_="nothing",
        hidden=bool(rows),
    )
    listing = tag("ol", rows, class_="rows long" if count > _LONG else "rows")
    return tag("section", listing, none, aria_label="Plugins", class_="list")


def _row(project: Project) -> Html:
    """A plugin in a list in the site's root."""
    plugin = project.plugin
    assert plugin is not None  # noqa: S101 - libraries are not listed
    manifest = plugin.manifest
    link = tag("a", text(manifest.name), href=f"plugins/{project.name}/")
    head = tag("h3", link, tag("span", text(project.latest.version), class_="version"))
    state = _state(project)
    facts = tag(
        "p",
        tag("span", text(", ".join(manifest.kinds))),
        tag("span", text(manifest.tier)),
        risk_mark(plugin.rating.risk),
        tag("span", when(project.updated)),
        class_="facts",
    )
    badges = [badge(kind) for kind in plugin.right_kinds]
    rights = (
        tag("ul", badges, class_="badges", aria_label="Asks for") if badges else None
    )
    data = {
        f"data_{facet.replace('-', '_')}": "\n".join(values)
        for facet, values in project.facets.items()
        if facet in FACET_PAGES
    }
    words = (manifest.name, project.name, manifest.summary, *_words(project))
    return tag(
        "li",
        tag("div", head, state, class_="title"),
        tag("p", text(manifest.summary), class_="summary"),
        tag("div", facts, rights, class_="meta"),
        data_words=" ".join(words).lower(),
        **data,
    )


def _words(project: Project) -> Iterator[str]:
    for values in project.facets.values():
        yield from values
    if project.plugin:
        yield from (right.key for right in project.plugin.rights)


def _state(project: Project) -> Html | None:
    """What stands against taking it, if anything does."""
    state = project.standing.status
    if state == "active":
        if project.latest.yanked is None:
            return None
        state = "yanked"
    return tag("span", text(state), class_=f"state {state}")


def _library_list(names: Sequence[str], up: str) -> Html | None:
    if not names:
        return None
    rows = [
        tag("li", tag("a", text(name), href=f"{up}simple/{name}/")) for name in names
    ]
    noun = "library" if len(names) == 1 else "libraries"
    summary = tag("summary", text(f"{len(names)} {noun} that plugins need"))
    return tag("details", summary, tag("ul", rows), class_="libraries")
