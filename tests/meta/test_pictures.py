"""The pictures show the code as it is."""

from __future__ import annotations

from tests.meta import pictures_page
from tests.meta.workspace import members


def test_the_pictures_are_those_that_the_code_makes() -> None:
    assert pictures_page.PAGE.read_text("utf-8") == pictures_page.render(), (
        "run `python -m tests.meta.pictures_page`"
    )


def test_every_distribution_is_in_the_picture() -> None:
    page = pictures_page.render()

    assert all(f"[{member.distribution}]" in page for member in members())


def test_no_arrow_leads_from_the_engine_to_a_plugin() -> None:
    page = pictures_page.render()

    assert "lockgate_format --> lockgate\n" in page
    assert "lockgate --> lockgate_format" not in page
    assert "lockgate_sandbox --> lockgate\n" not in page
