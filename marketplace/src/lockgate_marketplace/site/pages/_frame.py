"""What every page has: head, policy, masthead, foot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from lockgate_marketplace.site.html import Html, document, join, tag, text

__all__ = ["ASSETS", "Frame"]

ASSETS = ("style.css", "script.js", "icon.svg")
"""Files of ``assets/`` that pages name; they lie in the site's root."""

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'"
)
"""Nothing from elsewhere, no inline script or style, whatever a text holds."""


def asset(name: str) -> bytes:
    """The bytes of a file of ``assets/``."""
    return (files("lockgate_marketplace.site") / "assets" / name).read_bytes()


@dataclass(frozen=True, slots=True)
class Frame:
    """The site that a page is part of; `base` is its address, or empty."""

    title: str
    base: str

    def page(
        self, *, name: str, depth: int, main: Iterable[Html | None], body: str
    ) -> bytes:
        """A whole page, `depth` folders below the root; `body` is its class."""
        up = "../" * depth
        title = f"{name} · {self.title}" if name else self.title
        head = [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="referrer", content="no-referrer"),
            tag("title", text(title)),
            tag("link", rel="stylesheet", href=f"{up}style.css"),
            tag("link", rel="icon", href=f"{up}icon.svg", type="image/svg+xml"),
            tag(
                "link",
                rel="alternate",
                type="application/atom+xml",
                title="New versions",
                href=f"{up}feed.xml",
            ),
            tag("script", src=f"{up}script.js", defer=True),
        ]
        skip = tag("a", text("Skip to the content"), class_="skip", href="#main")
        content = tag("main", join(*main), id="main", class_=body, tabindex="-1")
        return document(head, [skip, self._masthead(up), content, _foot(up)])

    def _masthead(self, up: str) -> Html:
        home = up or "./"
        brand = tag(
            "a",
            tag("img", src=f"{up}icon.svg", alt="", width="24", height="24"),
            tag("span", text(self.title)),
            class_="brand",
            href=home,
        )
        links = tag(
            "ul",
            tag("li", tag("a", text("Plugins"), href=home)),
            tag("li", tag("a", text("Feed"), href=f"{up}feed.xml")),
        )
        nav = tag("nav", links, aria_label="Site")
        return tag("header", tag("div", brand, nav, class_="wrap"), class_="mast")


def _foot(up: str) -> Html:
    links = [
        ("Catalogue as JSON", "catalog.json"),
        ("Simple index", "simple/"),
        ("Feed", "feed.xml"),
    ]
    said = text(
        "A static index. Every wheel passed the gate; what a plugin may do is asked "
        "for in its manifest, granted by you, and held by the kernel."
    )
    items = [tag("li", tag("a", text(word), href=up + to)) for word, to in links]
    inner = tag("div", tag("p", said), tag("ul", items), class_="wrap")
    return tag("footer", inner, class_="foot")
