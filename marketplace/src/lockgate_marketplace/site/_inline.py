"""What stands within a line of Markdown: code, emphasis, links."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lockgate_marketplace.site.html import Html, join, link, tag, text

__all__ = ["inline"]

_REACH = 2_000
"""How far, in characters, the end of a span is looked for."""

_DEPTH = 4
_TOKEN = re.compile(
    r"(?P<code>`+)|(?P<strong>\*\*|__)|(?P<em>[*_])|(?P<link>!?\[)"
    r"|(?P<auto><https?://[^\s<>]{1,1000}>)|(?P<escape>\\[!-/:-@\[-`{-~])"
)
_LABEL = re.compile(r"(?:[^\[\]]|\[[^\[\]]{0,200}\]){0,500}\]")
_TARGET = re.compile(
    r"\(<?([^\s<>()]{1,1000}(?:\([^\s<>()]{0,100}\))?)>?(?: +\"[^\"]{0,200}\")? *\)"
)


def inline(source: str) -> Html:
    """A line, or the lines of a paragraph, as markup."""
    return join(_spans(source, 0))


def _spans(source: str, depth: int) -> Iterator[Html]:
    at = 0
    while found := _TOKEN.search(source, at):
        yield text(source[at : found.start()])
        end, made = _span(source, found, depth)
        yield made
        at = end
    yield text(source[at:])


def _span(source: str, found: re.Match[str], depth: int) -> tuple[int, Html]:
    """What the token at `found` begins, and where that ends; else the token itself."""
    kind, mark, start = found.lastgroup, found.group(), found.end()
    if kind == "escape":
        return start, text(mark[1:])
    if kind == "auto":
        return start, link(mark[1:-1], text(mark[1:-1]))
    span: tuple[int, Html] | None = None
    if kind == "code":
        span = _code(source, mark, start)
    elif depth < _DEPTH and kind == "link":
        span = _link(source, mark, start, depth)
    elif depth < _DEPTH:
        span = _emphasis(source, mark, found.start(), depth)
    return span or (start, text(mark))


def _code(source: str, mark: str, start: int) -> tuple[int, Html] | None:
    end = source.find(mark, start, start + _REACH)
    if end < 0 or (
        source[end : end + len(mark) + 1].strip("`") == ""
        and (len(source) > end + len(mark) and source[end + len(mark)] == "`")
    ):
        return None
    return end + len(mark), tag("code", text(source[start:end].strip()))


def _emphasis(
    source: str, mark: str, begin: int, depth: int
) -> tuple[int, Html] | None:
    start = begin + len(mark)
    # snake_case and 2 * 3 are no emphasis.
    before = source[begin - 1 : begin]
    if mark[0] == "_" and (before.isalnum() or before == "_"):
        return None
    end = source.find(mark, start + 1, start + _REACH)
    if end < 0 or source[start].isspace() or source[end - 1].isspace():
        return None
    after = source[end + len(mark) : end + len(mark) + 1]
    if mark[0] == "_" and after.isalnum():
        return None
    name = "strong" if len(mark) == 2 else "em"
    return end + len(mark), tag(name, _spans(source[start:end], depth + 1))


def _link(source: str, mark: str, start: int, depth: int) -> tuple[int, Html] | None:
    closed = _LABEL.match(source, start)
    if closed is None:
        return None
    middle = closed.end() - 1
    target = _TARGET.match(source, middle + 1)
    if target is None:
        return None
    label = join(_spans(source[start:middle], depth + 1))
    if mark == "![":
        return target.end(), tag("span", label, class_="picture")
    if "<a " in label:  # no link within a link
        return target.end(), label
    return target.end(), link(target.group(1), label)
