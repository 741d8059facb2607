"""A README as markup: a strict subset of Markdown, for text by hostile authors.

Headings, paragraphs, lists, quotes, tables, rules, fenced and indented code; code
spans, emphasis, links, pictures as links. HTML is text. Nothing is loaded from
anywhere: a picture is its description. Anything that isn't understood is text, too.

The reader looks ahead by bounded steps and nests by bounded depth, so that its time
is linear in the length of the text, whatever that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lockgate_marketplace.site._inline import inline
from lockgate_marketplace.site.html import Html, join, tag, text

__all__ = ["README_LIMIT_CHARS", "markdown", "readme"]

README_LIMIT_CHARS = 128 * 1024
"""What is shown of a README; the whole is in the wheel."""

_DEPTH = 6
_COMMENT_CHARS = 5_000
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]{0,30})")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")
_ITEM = re.compile(r"( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|\t)(?=\S)")
_RULE_CHARS = 1_000
"""A longer line divides no table: it would be looked at many times over."""
_QUOTE = re.compile(r" {0,3}> ?")
_TABLE_RULE = re.compile(
    r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$"
)


def readme(body: str, content_type: str) -> Html:
    """A distribution's description, by the ``Description-Content-Type`` it has."""
    kind = content_type.partition(";")[0].strip().lower()
    cut = body[:README_LIMIT_CHARS]
    note = tag("p", text("The rest is in the wheel."), class_="muted")
    rest = note if len(cut) < len(body) else None
    if kind == "text/markdown":
        return join(markdown(cut), rest)
    return join(tag("pre", text(cut.strip("\n")), class_="plain"), rest)


def markdown(source: str) -> Html:
    """`source` as markup; its headings begin below a page's second level."""
    plain = _uncommented(source.replace("\r\n", "\n").replace("\r", "\n"))
    return join(_blocks(plain.expandtabs(4).split("\n"), 0))


def _uncommented(source: str) -> str:
    """`source` without HTML comments; one that has no near end is text."""
    kept: list[str] = []
    at = 0
    while (begin := source.find("<!--", at)) >= 0:
        end = source.find("-->", begin + 4, begin + _COMMENT_CHARS)
        kept.append(source[at:begin] if end >= 0 else source[at : begin + 4])
        at = end + 3 if end >= 0 else begin + 4
    return "".join([*kept, source[at:]])


def _blocks(lines: list[str], depth: int) -> Iterator[Html]:
    """The blocks of `lines`, in order."""
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif fence := _FENCE.match(line):
            end = _fence_end(lines, at + 1, fence.group(1))
            yield _code(lines[at + 1 : end])
            at = end + 1
        elif heading := _HEADING.match(line):
            level = min(len(heading.group(1)) + 2, 6)
            words = heading.group(2).rstrip().rstrip("#").rstrip()
            yield tag(f"h{level}", inline(words))
            at += 1
        elif _RULE.match(line):
            yield tag("hr")
            at += 1
        elif depth < _DEPTH and _QUOTE.match(line):
            end = _while(lines, at, lambda one: bool(_QUOTE.match(one)))
            inner = [_QUOTE.sub("", one, count=1) for one in lines[at:end]]
            yield tag("blockquote", _blocks(inner, depth + 1))
            at = end
        elif depth < _DEPTH and _ITEM.match(line):
            end = _list_end(lines, at)
            yield _list(lines[at:end], depth)
            at = end
        elif line.startswith("    "):
            end = _while(lines, at, lambda one: one.startswith("    ") or not one)
            yield _code([one[4:] for one in lines[at:end]])
            at = end
        elif _begins_table(lines, at):
            end = _while(lines, at, lambda one: "|" in one)
            yield _table(lines[at:end])
            at = end
        else:
            end = _while(lines, at + 1, _continues)
            yield tag("p", inline("\n".join(one.strip() for one in lines[at:end])))
            at = end


def _while(lines: list[str], at: int, holds: Callable[[str], bool]) -> int:
    """The first line from `at` on for which `holds` does not."""
    while at < len(lines) and holds(lines[at]):
        at += 1
    return at


def _continues(line: str) -> bool:
    """Whether a line goes on with the paragraph before it."""
    starts = (_FENCE, _HEADING, _RULE, _QUOTE, _ITEM)
    return bool(line.strip()) and not any(one.match(line) for one in starts)


def _fence_end(lines: list[str], at: int, fence: str) -> int:
    """The line that closes a fence, or the end of the text."""
    while at < len(lines):
        bare = lines[at].strip()
        if len(bare) >= len(fence) and bare == fence[0] * len(bare):
            return at
        at += 1
    return at


def _code(lines: list[str]) -> Html:
    body = "\n".join(lines).strip("\n")
    # A box that scrolls must be reachable by keyboard.
    return tag("pre", tag("code", text(body)), tabindex="0")


def _list_end(lines: list[str], at: int) -> int:
    """Where a list ends: at a line that is neither an item nor indented."""
    while at < len(lines):
        line = lines[at]
        if line.strip() and not line.startswith("  ") and not _ITEM.match(line):
            return at
        if not line.strip():
            after = lines[at + 1] if at + 1 < len(lines) else ""
            if not after.startswith("  ") and not _ITEM.match(after):
                return at
        at += 1
    return at


def _list(lines: list[str], depth: int) -> Html:
    items: list[list[str]] = []
    ordered = lines[0].lstrip()[0].isdigit()
    indent = 0
    for line in lines:
        found = _ITEM.match(line)
        if found and (not items or len(found.group(1)) < 2):
            indent = found.end()
            items.append([line[indent:]])
        elif line[:indent].strip():
            items[-1].append(line.strip())
        else:
            items[-1].append(line[min(indent, len(line) - len(line.lstrip())) :])
    rows = [tag("li", _item(item, depth)) for item in items]
    return tag("ol" if ordered else "ul", rows)


def _item(lines: list[str], depth: int) -> Iterator[Html]:
    """A list item: a single paragraph stands bare, as in a tight list."""
    while lines and not lines[-1].strip():
        lines.pop()
    if all(_continues(line) for line in lines[1:]):
        yield inline("\n".join(line.strip() for line in lines))
    else:
        yield from _blocks(lines, depth + 1)


def _begins_table(lines: list[str], at: int) -> bool:
    return (
        "|" in lines[at]
        and at + 1 < len(lines)
        and "|" in lines[at + 1]
        and len(lines[at + 1]) <= _RULE_CHARS
        and bool(_TABLE_RULE.match(lines[at + 1]))
    )


def _cells(line: str) -> list[str]:
    bare = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in bare.split("|")][:64]


def _table(lines: list[str]) -> Html:
    head = _cells(lines[0])
    heads = [tag("th", inline(cell), scope="col") for cell in head]
    rows = [
        tag("tr", [tag("td", inline(cell)) for cell in _cells(line)[: len(head)]])
        for line in lines[2:]
    ]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows))
    return tag("div", table, class_="scroll", tabindex="0")
