"""``lockgate install NAME``: what is asked anew, and what is left as it was."""

from __future__ import annotations

import pytest

from lockgate_marketplace.cli import _consent
from tests.marketplace.install.named import RIGHTS, USES, asking, incoming
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered

pytestmark = pytest.mark.kernel


def test_an_upgrade_by_name_keeps_what_was_granted(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    home.json("install", "acme", "--grant-all")
    asking(main, "1.1")

    found = home.json("install", "acme")

    assert (found["status"], found["version"]) == (0, "1.1")
    assert {right["change"] for right in found["rights"]} == {"held"}
    (pin,) = home.json("trust", "show")["publishers"]
    assert pin["version"] == "1.1"


def test_without_consent_nothing_is_pinned_and_nothing_is_fetched_twice(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "consent-needed"
    assert home.files() == set()
    assert home.json("trust", "show")["publishers"] == []
    assert incoming(home) == ["acme-1.0-py3-none-any.whl"]

    found = home.json("install", "acme", "--grant-all")

    assert found["installed"]
    assert incoming(home) == []
    assert len(main.asked("/files/acme-1.0-py3-none-any.whl")) - len(
        main.asked(".whl.metadata")
    ) == len(["one download"])


def test_a_file_that_was_tampered_with_while_it_waited_is_not_taken(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    home.json("install", "acme")
    (waiting,) = (home.data / "cache" / "incoming").glob("*/*")
    waiting.write_bytes(waiting.read_bytes() + b"x")

    assert home.json("install", "acme", "--grant-all")["installed"]


def test_who_made_it_stands_beside_what_it_wants(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    main.add("needed", files={"needed/__init__.py": ""})
    offered(main, tier="elevated", extra=RIGHTS, code=USES, requires=("needed",))

    def yes(question: str) -> bool:
        return bool(question)

    monkeypatch.setattr(_consent, "is_terminal", lambda: True)
    monkeypatch.setattr(_consent, "confirm", yes)

    status, out, err = home.run("install", "acme")

    assert status == 0
    assert "from the index main, by nobody (no proof)" in err
    assert "env:LANG" in err
    assert "needed 1.0" in err
    assert "Installed acme 1.0 (generation 1)." in out


def test_who_was_overtaken_pins_nothing(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(main)
    asking(main, "1.1")

    def meanwhile(question: str) -> bool:
        return bool(home.json("install", "acme==1.0", "--grant-all")) or bool(question)

    monkeypatch.setattr(_consent, "is_terminal", lambda: True)
    monkeypatch.setattr(_consent, "confirm", meanwhile)

    status, _, err = home.run("install", "acme")

    assert status == 3
    assert "meanwhile" in err
    (pin,) = home.json("trust", "show")["publishers"]
    assert pin["version"] == "1.0"


def test_a_plugin_of_another_index_is_asked_for_anew(
    home: Home, main: LoopbackIndex
) -> None:
    """Nothing proves that it is the same author's."""
    asking(main)
    home.json("install", "acme", "--grant-all")
    with loopback_index() as other:
        asking(other, "1.1")
        home.indexes(main=main, other=other)

        refused = home.json("install", "acme", "--index", "other")

        assert refused["error"]["code"] == "consent-needed"
        assert set(refused["error"]["asked"]) == {"tier:elevated", "env:LANG"}
        _, out, _ = home.run("install", "other/acme", "--dry-run")
        assert "so far it came from main" in out


def test_a_name_that_was_a_files_is_asked_for_anew(
    home: Home, main: LoopbackIndex
) -> None:
    """Somebody may have taken it on the index meanwhile."""
    file = home.root / asking(main, "1.0").filename
    file.write_bytes(main.file("acme", "1.0").content)
    home.json("install", str(file), "--grant-all")
    asking(main, "1.1")

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "consent-needed"
    assert home.answer() == "1.0"
