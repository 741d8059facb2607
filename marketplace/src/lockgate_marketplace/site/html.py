"""Markup that foreign text can't break out of.

A `str` is text and is escaped wherever it is put; only `Html` is markup, and only
this module's `text`, `tag` and `join` make it. So the type checker, and not the
care of whoever writes a page, keeps text and markup apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import NewType
from urllib.parse import urlsplit

__all__ = ["Html", "document", "join", "link", "safe_url", "tag", "text"]

Html = NewType("Html", str)
"""Markup. Made by `tag`; never by a cast elsewhere."""

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
_HIDDEN_CHARS = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
    "\\ufffe\\uffff"
)
_HIDDEN = re.compile(f"[{_HIDDEN_CHARS}]")
_ODD = re.compile(f"[&<>\"'{_HIDDEN_CHARS}]")
"""What is not text as it is; most text has none of it."""
_URL_SCHEMES = frozenset({"https", "http"})


def text(value: str) -> Html:
    """`value` as text: every character that markup knows is escaped.

    Control characters, which browsers may drop and readers can't see, and the marks
    that turn the direction of text around become U+FFFD, and so does what no XML may
    hold (XML 1.0, 2.2): one of it would spoil the whole feed.
    """
    if _ODD.search(value) is None:
        return Html(value)
    return Html(escape(_HIDDEN.sub("\ufffd", value)))


def tag(
    name: str, /, *children: Html | Iterable[Html] | None, **attributes: object
) -> Html:
    """An element. An attribute that is None or False is left out, True has no value.

    Names of attributes lose a trailing underscore; other underscores become dashes
    (``class_``, ``data_yanked``).
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        word = key.rstrip("_").replace("_", "-")
        parts.append(f" {word}" if value is True else f' {word}="{text(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        parts.append(join(*children))
        parts.append(f"</{name}>")
    return Html("".join(parts))


def join(*children: Html | Iterable[Html] | None) -> Html:
    """Pieces of markup one after the other."""
    found: list[str] = []
    for child in children:
        if isinstance(child, str):
            found.append(child)
        elif child is not None:
            found.extend(child)
    return Html("".join(found))


def document(head: Iterable[Html], body: Iterable[Html]) -> bytes:
    """A whole page in English, as bytes."""
    page = tag("html", tag("head", head), tag("body", body), lang="en")
    return f"<!doctype html>\n{page}\n".encode()


def safe_url(url: str) -> str | None:
    """`url` if it is a plain web address; None for anything else.

    ``javascript:``, ``data:`` and addresses with a name and password in them
    (``https://bank.example@evil.example``) are none.
    """
    if any(char.isspace() or ord(char) < 33 for char in url) or len(url) > 2_000:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in _URL_SCHEMES or not host or "@" in parts.netloc:
        return None
    return url


def link(url: str, label: Html) -> Html:
    """A link to a foreign address: it is told nothing of us; no link if it is odd."""
    target = safe_url(url)
    if target is None:
        return label
    return tag("a", label, href=target, rel="nofollow noopener noreferrer ugc")
