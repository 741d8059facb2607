"""Every code with which the marketplace refuses is documented, raised and tested."""

from __future__ import annotations

import re

import pytest

from lockgate_marketplace.codes import CODES
from lockgate_marketplace.errors import MarketplaceError
from tests.meta.marketplace_errors_page import PAGE, classes, render
from tests.meta.workspace import ROOT

SOURCE = ROOT / "marketplace" / "src" / "lockgate_marketplace"
TESTS = ROOT / "tests"


def test_the_page_is_what_the_codes_make() -> None:
    assert PAGE.read_text("utf-8") == render(), (
        "run: python -m tests.meta.marketplace_errors_page"
    )


def test_every_step_has_an_error_of_its_own() -> None:
    assert {cls.step for cls in classes()} == {code.step for code in CODES.values()}


@pytest.mark.parametrize("code", CODES)
def test_a_code_says_what_it_means_and_the_way_out(code: str) -> None:
    known = CODES[code]

    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", code)
    assert len(known.means) > 10
    assert len(known.hint) > 10


def test_a_code_of_another_step_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="belongs to the step"):
        MarketplaceError("fetch-hash", "it is no fetch")


def test_every_code_is_raised_somewhere() -> None:
    text = "\n".join(
        path.read_text("utf-8")
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "codes"
    )

    assert [code for code in CODES if f'"{code}"' not in text] == []


def test_every_code_is_named_by_a_test() -> None:
    own = (TESTS / "meta").resolve()
    text = "\n".join(
        path.read_text("utf-8")
        for path in TESTS.rglob("*.py")
        if own not in path.parents
    )

    assert [code for code in CODES if f'"{code}"' not in text] == []
