"""Pages that cost far more than their bytes: refused before, or read within bounds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate_marketplace.errors import PageError
from lockgate_marketplace.simple import PageLimits, ProjectPage, parse_names, parse_page
from lockgate_marketplace.sources import Index

MIB = 1 << 20
INDEX = Index("main", "https://index.example/simple/")
NONE = PageLimits(
    files=MIB,
    links=100 * MIB,
    text_chars=100 * MIB,
    tag_chars=100 * MIB,
    piece_chars=100 * MIB,
)
"""The parser of the standard library, and nothing before it."""

PIECES = {
    "nesting": b"<div>",
    "links": b"<a>x</a>",
    "empty links": b"<a>",
    "open tags": b"<a ",
    "open ends": b"</a",
    "comments": b"<!---->",
    "declarations": b"<![CDATA[",
    "one tag": b'a=">" ',
    "attributes": b"<a " + b" ".join(b"a%d=1" % n for n in range(4000)) + b">",
    "names of meta": b"<meta name=n%d>",
    "entities": b"<p>" + b"&amp;" * 10_000,
    "entities that are none": b"<p>" + b"&notit" * 10_000,
    "entities in an attribute": b'<a href="' + b"&lt;" * 10_000 + b'">x</a>',
    "a number of thousands of digits": b"<p>&#" + b"9" * 60_000 + b";",
    "a hexadecimal one": b"<p>&#x" + b"f" * 60_000 + b";",
    "a link's text, bit by bit": b"<b>x",
}


def bomb(kind: str, size: int) -> bytes:
    piece = PIECES[kind]
    if kind == "names of meta":
        return b"".join(piece % n for n in range(size // len(piece)))
    heads = {"one tag": b"<a ", "a link's text, bit by bit": b"<a href=x>"}
    head = heads.get(kind, b"")
    return head + piece * (size // len(piece))


def read(raw: bytes, limits: PageLimits) -> ProjectPage:
    url = INDEX.project_url("acme")
    return parse_page(
        raw, "text/html", index=INDEX, name="acme", url=url, limits=limits
    )


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(PageError) as caught:
        work()
    return caught.value.code


@pytest.mark.parametrize(
    "kind", ["nesting", "links", "empty links", "open tags", "comments"]
)
def test_more_tags_than_a_page_has_are_refused_unread(kind: str) -> None:
    raw = bomb(kind, 3 * MIB)

    code = refusal(lambda: read(raw, PageLimits()))

    assert code == "page-invalid"


def test_without_the_limits_all_of_it_is_made() -> None:
    raw = bomb("links", MIB // 2)

    found = read(raw, NONE)

    assert len(found.others) == raw.count(b"<a>")
    assert refusal(lambda: read(raw, PageLimits(links=50_000))) == "page-too-many"


def test_a_links_text_has_an_end() -> None:
    raw = bomb("a link's text, bit by bit", 100_000)

    assert len(read(raw, NONE).others[0]) == raw.count(b"x") - 1
    assert refusal(lambda: read(raw, PageLimits())) == "page-invalid"


@pytest.mark.parametrize("piece", [b"<a ", b'a=">" ', b"<" + b"a " * 20_000])
def test_a_page_is_not_one_tag(piece: bytes) -> None:
    """What looks like the next tag, or like its end, may be one of its attributes."""
    raw = b"<a " + piece * (300_000 // len(piece)) + b">x</a>"

    assert read(raw, NONE).others == ("x",)
    assert refusal(lambda: read(raw, PageLimits())) == "page-invalid"


IN_A_PROCESS = """
from tests.marketplace.simple.test_html_bombs import *
from tests.marketplace.simple.test_html_bombs import peak

begun = peak()
for kind in PIECES:
    raw = bomb(kind, 2 * MIB)
    for reader in (read_page, read_names):
        try:
            reader(raw)
        except PageError:
            pass
    print(kind, peak() - begun)
"""


def peak() -> int:
    """The most memory, in MiB, that this process had at once."""
    told = Path("/proc/self/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0]) // 1024


def read_page(raw: bytes) -> None:
    read(raw, PageLimits())


def read_names(raw: bytes) -> None:
    parse_names(raw, "text/html", INDEX)


@pytest.mark.slow
def test_what_a_page_takes_is_bounded_by_its_bytes() -> None:
    command = [sys.executable, "-c", IN_A_PROCESS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    rows = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    assert [kind for kind, _ in rows] == list(PIECES)
    assert max(int(each) for _, each in rows) < 40 * 2, rows
