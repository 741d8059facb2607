"""A README as markup: what is understood, and that nothing else gets through."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_marketplace.site.markdown import README_LIMIT_CHARS, markdown, readme
from tests.support.report import Markup

TAGS = {
    "a", "blockquote", "code", "div", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol",
    "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
ATTRIBUTES = {
    ("a", "href"),
    ("a", "rel"),
    ("div", "class"),
    ("div", "tabindex"),
    ("pre", "tabindex"),
    ("span", "class"),
    ("th", "scope"),
}


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("# Title", "<h3>Title</h3>"),
        ("###### Deep ##", "<h6>Deep</h6>"),
        ("a\nb\n\nc", "<p>a\nb</p><p>c</p>"),
        ("`a < b`", "<p><code>a &lt; b</code></p>"),
        ("**a** _b_", "<p><strong>a</strong> <em>b</em></p>"),
        ("snake_case_name 2 * 3 * 4", "<p>snake_case_name 2 * 3 * 4</p>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li><p>b</p><ul><li>c</li></ul></li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("> a\n> b", "<blockquote><p>a\nb</p></blockquote>"),
        ("---", "<hr>"),
        ("\\*a\\*", "<p>*a*</p>"),
        ("<!-- hidden -->x", "<p>x</p>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("![a](https://x.example/a.png)", '<p><span class="picture">a</span></p>'),
        ("[a](javascript:x)", "<p>a</p>"),
        ("[a", "<p>[a</p>"),
        ("``` js\na\n```", '<pre tabindex="0"><code>a</code></pre>'),
        ("    a\n    b", '<pre tabindex="0"><code>a\nb</code></pre>'),
    ],
)
def test_what_is_understood(source: str, html: str) -> None:
    assert markdown(source) == html


def test_a_table_and_a_link() -> None:
    page = Markup(markdown("| a | b |\n|---|---|\n| 1 | [x](https://x.example) |"))

    assert page.text("th") == "ab"
    assert page.text("a") == "x"


_PIECES = st.sampled_from(
    ["# ", "`", "``", "```\n", "*", "**", "_", "__", "[", "](", ")", "![", "<", ">",
     "https://x.example", "javascript:alert(1)", "> ", "- ", "1. ", "    ", "|", "---",
     "|-|-|\n", "\n", "\n\n", "\\", '"', "'", "&lt;", "<script>", "<!--", "-->", "x",
     "onerror=x", " ", "\t", "\x00", "\u202e"]
)  # fmt: skip


@settings(max_examples=200)
@given(st.lists(_PIECES, max_size=40).map("".join) | st.text())
def test_nothing_but_the_subset_comes_out(source: str) -> None:
    page = Markup(markdown(source))

    assert {name for name, _ in page.tags} <= TAGS
    assert page.attributes <= ATTRIBUTES
    targets = [about["href"] or "" for name, about in page.tags if name == "a"]
    assert all(target.startswith(("https://", "http://")) for target in targets)


@pytest.mark.parametrize(
    "piece",
    ["[", "*", "`", "![a](", "> ", "- ", "_a", "**", "|a|\n|-|\n", "<!--", "#", "[[]",
     "    \n", "1. \n", "``a", "[x](", "<https://"],
)  # fmt: skip
def test_the_time_is_linear(piece: str) -> None:
    """Four times the text takes about four times as long, and not sixteen times."""
    part, whole = _seconds(piece, 30_000), _seconds(piece, 120_000)

    assert whole < 8 * part + 0.5


@pytest.mark.parametrize(("head", "tail"), [("# x", "x"), ("a|b\n", "x|")])
def test_the_time_is_linear_in_spaces_between(head: str, tail: str) -> None:
    part, whole = (_seconds(" ", n, head, tail) for n in (30_000, 120_000))

    assert whole < 8 * part + 0.5


def _seconds(piece: str, length: int, head: str = "", tail: str = "") -> float:
    """Of this process alone, whatever else the machine does."""
    source = head + (piece * length)[:length] + tail
    started = time.process_time()
    markdown(source)
    return time.process_time() - started


def test_other_forms_are_shown_as_they_are() -> None:
    assert readme("a\n=\n**b**", "text/x-rst") == '<pre class="plain">a\n=\n**b**</pre>'
    assert "<strong>" in readme("**b**", "text/markdown; charset=UTF-8")


def test_a_long_readme_is_cut_and_says_so() -> None:
    assert "in the wheel" in readme("x" * (README_LIMIT_CHARS + 1), "text/markdown")
