"""The pages in a real browser: with a script and without, by keyboard, in any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.site import build
from tests.marketplace.site.conftest import serving
from tests.marketplace.site.samples import plugin_wheel
from tests.support.browser import CONTRAST, Browser, chromium

pytestmark = pytest.mark.browser

PLUGIN = "plugins/lockgate-acme/"
WIDEST = "document.documentElement.scrollWidth"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"
SHOWN = (
    "[...document.querySelectorAll('.rows > li')].filter(r => !r.hidden)"
    ".map(r => r.querySelector('h3 a').textContent)"
)
FOCUSED = """(() => {
  const e = document.activeElement, s = getComputedStyle(e);
  return {
    name: e.id || e.className || e.textContent.trim().slice(0, 30), tag: e.tagName,
    outline: s.outlineStyle === 'none' ? 0 : parseFloat(s.outlineWidth),
  };
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with Browser(program) as found:
        yield found


@pytest.fixture(autouse=True)
def _fresh(browser: Browser) -> None:
    browser.script(True)
    browser.size(1280, 800)
    for notes in (browser.console, browser.requests, browser.blocked):
        notes.clear()


def typed(browser: Browser, words: str) -> None:
    browser.send("Input.insertText", text=words)


def test_search_narrows_the_list_and_tells_how_far(browser: Browser, url: str) -> None:
    browser.visit(url)
    browser.ask("document.querySelector('#q').focus()")
    typed(browser, "net chat")

    assert browser.ask(SHOWN) == ["relay"]
    assert browser.ask("document.querySelector('[role=status]').textContent") == (
        "1 of 5 plugins"
    )
    assert browser.ask("location.search") == "?q=net+chat"

    browser.ask("document.querySelector('#clear').click()")
    assert len(browser.ask(SHOWN)) == 5
    assert browser.ask("document.querySelector('#clear').hidden")


def test_nothing_found_is_said_and_left_again(browser: Browser, url: str) -> None:
    browser.visit(f"{url}?q=zzz")

    assert browser.ask(SHOWN) == []
    assert browser.ask("document.querySelector('.nothing').checkVisibility()")
    browser.ask("document.querySelector('.reset').click()")
    assert len(browser.ask(SHOWN)) == 5


def test_filters_of_one_facet_widen_and_of_two_narrow(
    browser: Browser, url: str
) -> None:
    def toggle(facet: str, value: str) -> None:
        place = f'a[data-facet="{facet}"][data-value="{value}"]'
        browser.ask(f"document.querySelector('{place}').click()")

    browser.visit(url)
    toggle("right", "net")
    assert browser.ask(SHOWN) == ["acme", "relay"]
    toggle("right", "device")
    assert browser.ask(SHOWN) == ["acme", "flasher", "relay"]
    toggle("kind", "analyzer")
    assert browser.ask(SHOWN) == ["flasher"]
    pressed = "document.querySelectorAll('[aria-pressed=true]').length"
    assert browser.ask(pressed) == 3
    address = browser.ask("location.href")

    browser.visit(address)
    assert browser.ask(SHOWN) == ["flasher"]
    assert browser.ask(pressed) == 3


def test_numbers_tell_what_is_left_beside_the_other_filters(
    browser: Browser, url: str
) -> None:
    numbers = (
        "Object.fromEntries([...document.querySelectorAll('a[data-facet=kind]')]"
        ".map(a => [a.dataset.value, +a.querySelector('.n').textContent]))"
    )
    browser.visit(url)
    assert browser.ask(numbers) == {"analyzer": 1, "generator": 1, "transformer": 4}

    browser.visit(f"{url}?right=net")
    assert browser.ask(numbers) == {"analyzer": 0, "generator": 1, "transformer": 2}
    none = "[...document.querySelectorAll('a.none')].map(a => a.dataset.value)"
    assert "analyzer" in browser.ask(none)
    assert browser.ask(CONTRAST) == []

    # A facet's own choice leaves its numbers: its values widen.
    browser.visit(f"{url}?kind=generator")
    assert browser.ask(numbers) == {"analyzer": 1, "generator": 1, "transformer": 4}
    browser.visit(f"{url}?q=relay+chat")
    assert browser.ask(numbers) == {"analyzer": 0, "generator": 0, "transformer": 1}


def test_a_picture_or_a_print_of_a_list_has_every_row(
    browser: Browser, url: str
) -> None:
    """Rows that are laid out only when seen are blank in both."""
    how = "getComputedStyle(document.querySelector('.rows > li')).contentVisibility"
    browser.visit(url)
    assert browser.ask(how) == "visible"
    browser.ask("document.querySelector('.rows').classList.add('long')")
    assert browser.ask(how) == "auto"
    browser.send("Emulation.setEmulatedMedia", media="print")
    try:
        assert browser.ask(how) == "visible"
        assert not browser.ask("document.querySelector('.aside').checkVisibility()")
    finally:
        browser.send("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("width", [320, 640])
def test_no_word_of_the_masthead_is_broken(
    browser: Browser, url: str, width: int
) -> None:
    """320 pixels is 1280 at 400 %, which WCAG 1.4.10 asks for; 640 is 200 %."""
    browser.size(width, 500)
    browser.visit(url)
    lines = (
        "[...document.querySelectorAll('.mast nav a')].map(a => a.getClientRects()"
        ".length === 1 && a.clientHeight < 50)"
    )
    assert browser.ask(lines) == [True, True]


def test_without_a_script_a_facet_is_a_page(browser: Browser, url: str) -> None:
    browser.script(False)
    browser.visit(url)
    assert not browser.ask("document.querySelector('.search').checkVisibility()")
    assert browser.ask(
        "[...document.querySelectorAll('.aside a')].every(a => a.checkVisibility())"
    )

    link = "a[data-facet=right][data-value=net]"
    browser.visit(browser.ask(f"document.querySelector('{link}').href"))
    assert browser.ask(SHOWN) == ["acme", "relay"]
    assert (
        browser.ask("document.querySelector('[aria-current]').dataset.value") == "net"
    )

    browser.visit(browser.ask("document.querySelector('.rows h3 a').href"))
    assert browser.ask("document.querySelector('h1').textContent") == "acme 1.1"
    assert not browser.ask("document.querySelector('.copy').checkVisibility()")
    browser.ask("document.querySelectorAll('#install summary').forEach(s => s.click())")
    told = browser.ask("document.querySelector('#install').innerText")
    assert "[plugins.marketplace.indexes.main]" in told
    assert "pip install" in browser.ask("document.querySelector('#install').innerText")


def test_a_phone_folds_the_filters_and_a_desktop_does_not(
    browser: Browser, url: str
) -> None:
    how = "{contentVisibilityAuto: true}"
    visible = f"document.querySelector('.aside a').checkVisibility({how})"
    for script in (True, False):
        browser.script(script)
        browser.visit(url)
        assert browser.ask(visible)
    browser.script(True)
    browser.size(390, 844)
    browser.visit(url)
    assert not browser.ask("document.querySelector('.filters').open")
    assert browser.ask("document.querySelector('.filters > summary').checkVisibility()")


def test_the_keyboard_goes_from_skip_link_to_plugin(browser: Browser, url: str) -> None:
    browser.visit(url)
    seen: list[dict[str, Any]] = []
    for _ in range(7):
        browser.key("Tab")
        seen.append(browser.ask(FOCUSED))

    assert [one["name"] for one in seen[:6]] == [
        "skip", "brand", "Plugins", "Feed", "q", "transformer4",
    ]  # fmt: skip
    assert [one for one in seen if one["outline"] < 1.5] == []

    browser.key("Enter")  # on a facet: it is a button now
    assert browser.ask(SHOWN) == ["flasher"]
    browser.key("Space")
    assert len(browser.ask(SHOWN)) == 5

    browser.key("/")
    assert browser.ask(FOCUSED)["name"] == "q"
    typed(browser, "relay")
    browser.key("Escape")
    assert len(browser.ask(SHOWN)) == 5

    browser.ask("document.querySelector('.rows h3 a').focus()")
    browser.key("Enter")
    browser.settle("plugins/lockgate-acme/")
    assert browser.ask("document.querySelector('h1').textContent") == "acme 1.1"


def test_the_skip_link_skips(browser: Browser, url: str) -> None:
    browser.visit(url + PLUGIN)
    browser.key("Tab")
    browser.key("Enter")

    assert browser.ask("document.activeElement.id") == "main"
    browser.key("Tab")
    assert browser.ask("document.activeElement.closest('main') !== null")


def test_the_copy_button_copies(browser: Browser, url: str) -> None:
    browser.send(
        "Browser.grantPermissions",
        origin=url.rstrip("/"),
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
    )
    browser.visit(url + PLUGIN)
    browser.ask("document.querySelector('.copy').focus()")
    browser.key("Enter")

    # Copying is a promise: the word on the button tells when it was kept.
    browser.until("document.querySelector('.copy').textContent === 'Copied'")
    copied = browser.wait("navigator.clipboard.readText()")
    assert copied == "lockgate install lockgate-acme"


@pytest.mark.parametrize(
    ("width", "dark"), [(320, False), (390, True), (1280, False), (1280, True)]
)
@pytest.mark.parametrize("path", ["", PLUGIN])
def test_every_page_fits_every_screen_and_is_readable(
    browser: Browser, url: str, path: str, dark: bool, width: int
) -> None:
    """WCAG 2 level AA asks for a contrast of 4.5 to 1."""
    browser.size(width, 800, dark=dark)
    browser.visit(url + path)
    browser.ask(OPEN_ALL)

    assert browser.ask(WIDEST) <= width
    assert browser.ask(CONTRAST) == []
    assert (browser.console, browser.blocked) == ([], [])
    assert [one for one in browser.requests if not one.startswith(url)] == []


OUTLINE = """(() => {
  const count = s => document.querySelectorAll(s).length;
  const all = s => [...document.querySelectorAll(s)];
  const unnamed = all('a, button, input, summary').filter(e => !e.textContent.trim()
    && !e.getAttribute('aria-label') && !(e.labels && e.labels.length));
  const levels = all('h1,h2,h3,h4,h5,h6').map(h => +h.tagName[1]);
  return {
    main: count('main'), banner: count('body > header'), foot: count('body > footer'),
    h1: count('h1'), lang: document.documentElement.lang, unnamed: unnamed.length,
    navs: [...document.querySelectorAll('nav, aside')].every(n => n.ariaLabel),
    images: [...document.querySelectorAll('img')].every(i => i.hasAttribute('alt')),
    ids: new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size
      === count('[id]'),
    jumps: levels.filter((l, i) => i && l > levels[i - 1] + 1).length,
  };
})()"""


@pytest.mark.parametrize("path", ["", PLUGIN])
def test_the_structure_is_there_for_who_does_not_see_it(
    browser: Browser, url: str, path: str
) -> None:
    browser.visit(url + path)

    assert browser.ask(OUTLINE) == {
        "main": 1, "banner": 1, "foot": 1, "h1": 1, "lang": "en", "unnamed": 0,
        "navs": True, "images": True, "ids": True, "jumps": 0,
    }  # fmt: skip


def test_little_motion_is_asked_for_and_given(browser: Browser, url: str) -> None:
    duration = "getComputedStyle(document.querySelector('a')).transitionDuration"
    browser.visit(url)
    assert browser.ask(duration) != "0s"
    browser.send(
        "Emulation.setEmulatedMedia",
        features=[{"name": "prefers-reduced-motion", "value": "reduce"}],
    )
    assert browser.ask(duration) == "0s"


PAYLOADS = [
    "</style></script></title><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1><svg onload=window.pwned=1>",
    "' onmouseover=window.pwned=1 style='position:fixed;inset:0' x='",
    "[x](javascript:window.pwned=1) ![x](https://evil.example/x.png) <https://evil.example>",
    "<a href=javascript:window.pwned=1 id=x>y</a><iframe src=//evil.example>",
]


FORMS = ["# {0}", "{0}", "- {0}", "> {0}", "|{0}|\n|-|\n|{0}|", "`{0}`", "[{0}]({0})"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site in which every word of every plugin is an attack."""
    folder = tmp_path_factory.mktemp("hostile")
    for at, payload in enumerate(PAYLOADS):
        word = payload.replace("\\", "").replace('"', "'")
        plugin_wheel(
            folder / "wheels",
            f"evil{at}",
            summary=word,
            tags=(word[:60],),
            readme="\n\n".join(form.format(payload) for form in FORMS),
            headers=(
                f"Author: {word}",
                f"License: {word}",
                f"Project-URL: {word[:20]}, javascript:window.pwned=1",
                f"Project-URL: Home {at}, https://evil.example/'onclick='x",
            ),
        )
        said = f'status = "deprecated"\nreason = "{word[:90]}"\n'
        owners = f"[projects.lockgate-evil{at}]\n{said}"
        with (folder / "wheels" / "status.toml").open("a") as file:
            file.write(owners)
    report = build(folder / "wheels", folder / "site")
    assert report.refused == ()
    with serving(folder / "site") as url:
        yield url


def pages(url: str, browser: Browser) -> list[str]:
    browser.visit(url)
    links = browser.ask(
        "[...document.querySelectorAll('.rows a, .aside a')].map(a => a.href)"
    )
    return [url, *links]


def test_foreign_text_runs_nothing_and_loads_nothing(
    browser: Browser, hostile: str
) -> None:
    found = pages(hostile, browser)
    assert len(found) > 15
    for page in found:
        browser.visit(page)
        browser.ask(OPEN_ALL)
        assert browser.ask("window.pwned") is None
        assert browser.ask("document.querySelectorAll('iframe, main img').length") == 0
        assert browser.ask(
            "[...document.querySelectorAll('a')].every(a => /^https?:/.test(a.href))"
        )
        assert browser.ask(
            "[...document.querySelectorAll('*')].every(e => "
            "[...e.attributes].every(a => !/^(on|style)/.test(a.name)))"
        )
    assert [one for one in browser.requests if not one.startswith(hostile)] == []
    assert (browser.console, browser.blocked) == ([], [])


def test_the_policy_alone_would_stop_an_injected_script(
    browser: Browser, site: Path, tmp_path: Path
) -> None:
    """The second wall, tried on its own: the same script in a page that lets it in."""
    html = (site / PLUGIN / "index.html").read_text()
    spoilt = html.replace("</body>", "<script>window.pwned = 1</script></body>")
    page = tmp_path / "page.html"

    page.write_text(spoilt)
    browser.open(page)
    assert browser.ask("window.pwned") is None

    page.write_text(spoilt.replace("Content-Security-Policy", "X-Nothing"))
    browser.open(page)
    assert browser.ask("window.pwned") == 1


def test_the_pages_are_small(site: Path) -> None:
    """Before compression: what every page loads, and what a page itself is."""
    shared = sum((site / name).stat().st_size for name in ("style.css", "script.js"))

    assert shared < 32_000
    assert (site / PLUGIN / "index.html").stat().st_size < 16_000
