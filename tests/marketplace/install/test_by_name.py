"""``lockgate install NAME``: from an index to an answer, the whole way."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered, show_manifest

pytestmark = pytest.mark.kernel


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings."""
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


def test_a_name_becomes_an_answer(home: Home, main: LoopbackIndex) -> None:
    main.add("needed", "2.0", files={"needed/__init__.py": "VALUE = 5\n"})
    offered(main, requires=("needed>=1", "lockgate"))

    found = home.json("install", "acme")

    assert found["status"] == 0, found
    assert (found["plugin"], found["version"], found["index"]) == (
        "acme",
        "1.0",
        "main",
    )
    assert [wheel["filename"][:4] for wheel in found["wheels"]] == ["acme", "need"]
    assert home.answer() == "1.0"
    assert not list((home.data / "cache" / "incoming").glob("*/*"))
    pins = home.json("trust", "show")["publishers"]
    assert [(p["name"], p["index"], p["version"]) for p in pins] == [
        ("acme", "main", "1.0"),
        ("needed", "main", "2.0"),
    ]


def test_the_manifest_that_the_index_shows_must_be_the_wheels(
    home: Home, main: LoopbackIndex
) -> None:
    extra = '[rights]\nenv = ["LANG"]\n'
    uses = 'import os\nos.environ["LANG"]\n'
    published = offered(main, tier="elevated", extra=extra, code=uses)
    show_manifest(main, published, manifest_text("acme"))

    refused = home.json("install", "acme", "--grant-all")

    assert (refused["status"], refused["error"]["code"]) == (
        3,
        "resolve-manifest-differs",
    )
    assert home.files() == set()

    text = manifest_text("acme", tier='"elevated"', extra=extra)
    show_manifest(main, published, text)
    assert home.json("install", "acme", "--grant-all")["installed"]
