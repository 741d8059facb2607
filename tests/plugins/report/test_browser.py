"""The page in a real browser: it renders, fits, asks for nothing and obeys nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import CONTRAST, Browser, chromium
from tests.support.report import hostile, html_of, whole

pytestmark = pytest.mark.browser

OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
WIDEST = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with Browser(program) as found:
        yield found


def shown(browser: Browser, folder: Path, html: str) -> None:
    file = folder / "report.html"
    file.write_text(html, "utf-8")
    browser.console.clear()
    browser.requests.clear()
    browser.blocked.clear()
    browser.open(file)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_the_screen_closed_and_open(
    browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    browser.size(width, 800, dark=dark)
    shown(browser, tmp_path, html_of(whole()))

    assert browser.ask(WIDEST) == width
    browser.ask(OPEN_ALL)
    assert browser.ask(WIDEST) == width


def test_long_words_do_not_widen_the_page(browser: Browser, tmp_path: Path) -> None:
    browser.size(360, 800)
    shown(browser, tmp_path, html_of(hostile(whole(), "W" * 400)))
    browser.ask(OPEN_ALL)

    assert browser.ask(WIDEST) == 360


def test_the_page_asks_for_nothing_and_complains_of_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    shown(browser, tmp_path, html_of(whole()))
    browser.ask(OPEN_ALL)

    assert browser.requests == [(tmp_path / "report.html").as_uri()]
    assert browser.console == []
    assert browser.blocked == []


def test_the_style_and_the_script_are_in_force(
    browser: Browser, tmp_path: Path
) -> None:
    browser.size(1280, 800)
    shown(browser, tmp_path, html_of(whole()))
    browser.ask("document.querySelector('header.top button').click()")

    assert browser.ask("[...document.querySelectorAll('details')].every(d => d.open)")
    assert browser.ask("getComputedStyle(document.querySelector('.run')).borderRadius")
    assert browser.ask("document.querySelector('svg.timeline').getBBox().width") > 600


def test_dark_and_light_are_two_schemes(browser: Browser, tmp_path: Path) -> None:
    colours: list[str] = []
    for dark in (False, True):
        browser.size(1280, 800, dark=dark)
        shown(browser, tmp_path, html_of(whole()))
        colours.append(browser.ask("getComputedStyle(document.body).backgroundColor"))

    assert colours[0] != colours[1]


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_has_enough_contrast(
    browser: Browser, tmp_path: Path, dark: bool
) -> None:
    """WCAG 2 level AA asks for 4.5 to 1."""
    browser.size(1280, 800, dark=dark)
    shown(browser, tmp_path, html_of(whole()))
    browser.ask(OPEN_ALL)

    assert browser.ask(CONTRAST) == []


@pytest.mark.parametrize(
    "payload",
    [
        "</style></script></title><script>window.pwned=1</script>",
        "<img src=x onerror=window.pwned=1><svg onload=window.pwned=1>",
        '" onmouseover=window.pwned=1 style="position:fixed;inset:0" x=\'',
        "<a href=javascript:window.pwned=1 id=x>y</a><iframe src=//example.org>",
    ],
)
def test_foreign_text_runs_nothing(
    browser: Browser, tmp_path: Path, payload: str
) -> None:
    shown(browser, tmp_path, html_of(hostile(whole(), payload)))
    browser.ask(OPEN_ALL)

    assert browser.ask("window.pwned") is None
    assert browser.ask("document.querySelectorAll('img, iframe').length") == 0
    assert len(browser.requests) == 1
    assert browser.blocked == []


def test_the_policy_alone_would_stop_an_injected_script(
    browser: Browser, tmp_path: Path
) -> None:
    """The second wall, tried on its own: the same script in a page that lets it in."""
    script = "<script>window.pwned = 1</script></body>"
    html = html_of(whole()).replace("</body>", script)
    shown(browser, tmp_path, html)
    assert browser.ask("window.pwned") is None
    assert len(browser.console) > 0

    open_page = html.replace("Content-Security-Policy", "X-Nothing")
    shown(browser, tmp_path, open_page)
    assert browser.ask("window.pwned") == 1
