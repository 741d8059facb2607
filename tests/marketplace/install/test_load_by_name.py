"""What comes from an index is loaded once, sealed, with all that it brings."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.marketplace.install.test_load import LEVEL
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import CODE, Home

pytestmark = pytest.mark.kernel


@pytest.fixture
def main(home: Home, monkeypatch: pytest.MonkeyPatch) -> Generator[LoopbackIndex]:
    """The one index, and a home where the load is not switched off."""
    monkeypatch.delenv(LEVEL)
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


def offered(index: LoopbackIndex, version: str, first: str, *requires: str) -> None:
    """Publish a release that begins with `first` when it is imported."""
    files = {"acme/__init__.py": f"{first}\n{CODE.format(version=version)}"}
    text = manifest_text("acme", tier='"read-only"')
    how: dict[str, Any] = {"manifest": text, "files": files, "requires": requires}
    index.add("acme", version, plugin="acme", **how)


def test_it_is_loaded_with_what_it_needs_and_so_is_each_upgrade(
    home: Home, main: LoopbackIndex
) -> None:
    main.add("needed", "1.0", files={"needed/__init__.py": "VALUE = 1\n"})
    offered(main, "1.0", "import needed; needed.VALUE", "needed")

    found = home.json("install", "acme")
    assert (found["status"], found["notes"]) == (0, []), found
    assert home.answer() == "1.0"

    offered(main, "1.1", "import needed; needed.VALUE", "needed")
    (row,) = home.json("upgrade", "acme")["plugins"]
    assert (row["state"], row["notes"]) == ("upgraded", [])
    assert home.answer() == "1.1"


@pytest.mark.parametrize(
    ("first", "requires", "code"),
    [
        ("import needed", (), "contract-load-import"),
        ("import needed; needed.GONE", ("needed",), "contract-load-import"),
        ("import bad", ("bad",), "contract-load-import"),
        ("import os; os._exit(0)", (), "contract-load-crash"),
    ],
    ids=["nothing-brings-it", "no-such-value", "its-library-fails", "it-ends"],
)
def test_what_does_not_load_is_neither_installed_nor_upgraded_to(
    home: Home, main: LoopbackIndex, first: str, requires: tuple[str, ...], code: str
) -> None:
    main.add("needed", "1.0", files={"needed/__init__.py": "VALUE = 1\n"})
    main.add("bad", "1.0", files={"bad/__init__.py": "raise RuntimeError('no')\n"})
    offered(main, "1.0", "")
    assert home.json("install", "acme")["status"] == 0
    offered(main, "1.1", first, *requires)
    before = home.files()

    (row,) = home.json("upgrade", "--all", "--accept-undeclared")["plugins"]

    assert (row["state"], row["error"]["code"]) == ("failed", code), row
    assert home.files() == before
    assert home.answer() == "1.0"
    home.run("uninstall", "acme")
    before = home.files()
    refused = home.json("install", "acme", "--accept-undeclared")
    assert refused["error"]["code"] == code
    assert home.files() == before
    assert not list((home.data / "cache" / "incoming").glob("*/*"))

    taken = home.json("install", "acme", "--accept-undeclared", "--no-load")
    assert taken["installed"], "so it was the load that refused it"
