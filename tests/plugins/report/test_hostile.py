"""Everything in a run document is foreign text; the page shows it and obeys nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_report.plugin import generate
from tests.support.report import Markup, hostile, html_of, run, step, whole

PAYLOADS = [
    "<script>window.pwned=1</script>",
    "</style><script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "</title><img src=x onerror=window.pwned=1>",
    "</text></svg><svg onload=window.pwned=1>",
    '" onmouseover="window.pwned=1" x="',
    "' onfocus='window.pwned=1' autofocus='",
    "javascript:window.pwned=1",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]><iframe src=https://example.org>",
    "&lt;script&gt;&#60;b&#62;",
    "\x00\x1b[31m\u202eevil\u2066",
]


def benign() -> Markup:
    return Markup(html_of(whole()))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_adds_no_tag_and_no_attribute(payload: str) -> None:
    page = Markup(html_of(hostile(whole(), payload)))

    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in benign().tags}
    assert page.attributes <= benign().attributes
    assert not any(name.startswith("on") for _, name in page.attributes)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_stays_out_of_style_and_script(payload: str) -> None:
    page, plain = Markup(html_of(hostile(whole(), payload))), benign()

    assert page.text("script") == plain.text("script")
    assert page.text("style") == plain.text("style")


def test_foreign_text_is_shown_as_it_is() -> None:
    payload = "</td><b>&amp; {{ 1 + 1 }}"
    page = Markup(html_of(hostile(whole(), payload)))

    assert payload in page.text("td")


def test_foreign_text_reaches_the_classes_only_as_known_words() -> None:
    odd = "done evil"
    document = run(step("a", "generate", state=odd), state=odd)
    classes = {
        name
        for _, attributes in Markup(html_of(document)).tags
        for name in (attributes.get("class") or "").split()
    }

    assert "evil" not in classes
    assert "other" in classes


def test_links_lead_only_into_the_page() -> None:
    page = Markup(html_of(hostile(whole(), "https://example.org/")))
    links = {attributes.get("href") for _, attributes in page.tags} - {None}

    assert links
    assert all(link and re.fullmatch(r"#[a-z0-9-]+|data:,", link) for link in links)
    assert not any(
        name in ("src", "srcset", "action", "data") for _, name in page.attributes
    )


def test_there_is_no_style_attribute_which_the_policy_would_refuse() -> None:
    assert not any(name == "style" for _, name in benign().attributes)


def test_the_policy_allows_the_pages_own_style_and_script_by_hash_alone() -> None:
    page = benign()
    policy = next(
        str(attributes["content"])
        for tag, attributes in page.tags
        if tag == "meta" and "http-equiv" in attributes
    )
    for tag in ("style", "script"):
        digest = hashlib.sha256(page.text(tag).encode()).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_unseen_characters_become_visible() -> None:
    html = html_of(hostile(whole(), "a\x00b\u202ec\u2066d\ud800e"))

    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c" in html
    assert not re.search("[\x00\u202a-\u202e\u2066-\u2069]", html)


# -- any document, any size -----------------------------------------------------------

KEYS = st.sampled_from(
    [
        "schema",
        "name",
        "state",
        "steps",
        "inputs",
        "outputs",
        "error",
        "runs",
        "answers",
        "value",
        "hook",
        "id",
        "events",
        "verdicts",
        "at_us",
        "kind",
        "pin",
        "level",
        "mode",
        "duty_percent",
        "freq_hz",
        "value",
        "max",
        "line",
        "findings",
        "severity",
        "range",
        "start",
        "notes",
        "contract",
        "board",
        "peripherals",
        "tree",
        "files",
        "path",
        "content",
        "posture",
        "layers",
        "denials",
        "text",
        "patches",
        "diff",
        "duration_us",
        "started",
        "seconds",
        "passed",
    ]
)
WORDS = st.sampled_from(
    [
        "pin",
        "rx",
        "tx",
        "analog",
        "output",
        "input_pullup",
        "world",
        "simulate",
        "analyze",
        "generate",
        "complete",
        "transform",
        "done",
        "failed",
        "refused",
    ]
)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | WORDS
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8)
    ),
    max_leaves=40,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(anything, max_size=4), anything, anything)
def test_any_run_document_becomes_a_page(steps: Any, contract: Any, value: Any) -> None:
    """Whatever stands where, there is a page; nothing raises."""
    document = run(
        *steps,
        step("g", "generate", {"contract": contract, "notes": value}),
        step("s", "simulate", value, {"events": steps, "verdicts": steps, "x": value}),
        step("t", "simulate", {"duration_us": value, "events": [value, contract]}),
        step("a", "analyze", value, {"findings": [value]}, error=value),
        step("c", "complete", value, {"text": "x", "patches": [value]}, runs=[value]),
        outputs={"tree": value},
        inputs=value,
        error=value,
        started=value,
    )

    assert html_of(document).startswith("<!doctype html>")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schema": 1},
        {"schema": 1, "name": "x", "state": "done", "steps": {}},
        {"schema": 2, "name": "x", "state": "done", "steps": []},
        {"device_name": "Lamp", "platform": "arduino", "peripherals": []},
    ],
)
def test_a_document_that_is_no_run_is_not_answered(document: Any) -> None:
    assert generate(spec=document, targets=()) is None


def test_another_target_is_not_answered() -> None:
    assert generate(spec=whole(), targets=("micropython",)) is None


def test_a_huge_run_becomes_a_bounded_page() -> None:
    many = [
        {"at_us": n, "kind": "pin", "pin": "1", "level": n % 2} for n in range(30_000)
    ]
    verdicts = [{"name": f"v{n}", "passed": True, "at_us": n} for n in range(5_000)]
    findings = [{"severity": "error", "message": "m" * 5_000} for _ in range(2_000)]
    big = {"files": [{"path": f"f{n}", "content": b"x" * 200_000} for n in range(100)]}
    simulated = {"duration_us": 30_000, "events": many, "verdicts": verdicts}
    one = run(
        step("s", "simulate", simulated),
        step("a", "analyze", {"findings": findings}),
        outputs={"tree": big},
    )
    html = html_of(run(step("all", "", runs=[*[one] * 3, *[run()] * 97])))

    assert len(html) < 8_000_000
    assert "more checks not shown" in html
    assert "more events not shown" in html
    assert "more findings not shown" in html
    assert "more runs not shown" in html
    assert "too much to show here" in html
    assert "too close to be drawn" in html
