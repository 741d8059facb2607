"""Text stays text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.site.html import link, safe_url, tag, text
from tests.support.report import Markup


def test_text_is_escaped_in_elements_and_attributes() -> None:
    made = tag("p", text('<b>"&'), title='" onclick="x', hidden=True, lang=None)

    assert made == ('<p title="&quot; onclick=&quot;x" hidden>&lt;b&gt;&quot;&amp;</p>')


@given(st.text())
def test_no_text_makes_a_tag_or_an_attribute(words: str) -> None:
    page = Markup(tag("p", text(words), title=words))

    assert [name for name, _ in page.tags] == ["p"]
    assert page.attributes == {("p", "title")}


def test_marks_that_turn_text_around_are_shown() -> None:
    assert text("a\u202eb\x00c\x1bd\u2066") == "a\ufffdb\ufffdc\ufffdd\ufffd"
    assert text("line\nnext\ttab") == "line\nnext\ttab"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "https://bank.example@evil.example/",
        "//evil.example/x",
        "relative/path",
        "https://",
        "https://[::1",
        "https://x/" + "a" * 3_000,
        "",
    ],
)
def test_an_odd_address_is_no_link(url: str) -> None:
    assert safe_url(url) is None
    assert link(url, text("see")) == "see"


def test_a_plain_address_is_a_link_that_tells_nothing() -> None:
    made = link("https://example.org/?a=1&b=2", text("see"))

    assert 'href="https://example.org/?a=1&amp;b=2"' in made
    assert "noreferrer" in made
