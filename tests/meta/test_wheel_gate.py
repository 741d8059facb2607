"""The gate's page names every code once, and every code is raised in a test."""

from __future__ import annotations

from collections import Counter

from lockgate_marketplace.codes import CODES
from tests.meta import wheel_gate_page
from tests.meta.workspace import ROOT

TESTS = ROOT / "tests" / "marketplace" / "wheel"


def test_the_page_is_the_one_that_the_code_makes() -> None:
    assert wheel_gate_page.PAGE.read_text("utf-8") == wheel_gate_page.render(), (
        "run `python -m tests.meta.wheel_gate_page`"
    )


def test_every_code_stands_on_the_page_once() -> None:
    listed = Counter(c for codes in wheel_gate_page.sections().values() for c in codes)

    assert listed == Counter(c for c, known in CODES.items() if known.step == "wheel")


def test_every_code_is_raised_in_a_test() -> None:
    texts = [path.read_text("utf-8") for path in TESTS.glob("test_*.py")]
    quiet = [
        code
        for code, known in CODES.items()
        if known.step == "wheel" and not any(f'"{code}"' in text for text in texts)
    ]

    assert quiet == []
