"""``lockgate trust accept``: the owner's word against what was remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate.cli import main
from lockgate_marketplace.errors import FreshnessError
from lockgate_marketplace.resolve import open_client
from tests.support.home import fresh_settings
from tests.support.indexes import LoopbackIndex, loopback_index


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fresh_settings(tmp_path, monkeypatch)
    return tmp_path / "DATA" / "lockgate"


def look(index: LoopbackIndex, data: Path) -> str:
    """What a program makes of the page: the hash, or a `FreshnessError`."""
    with open_client({"indexes": {"main": {"url": index.url}}}, data) as client:
        page = client.page(client.sources.named("main"), "echo").page
    return page.files[0].sha256


def test_a_change_stops_until_it_is_accepted(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with loopback_index() as index:
        index.add("echo")
        setting = f"plugins.marketplace.indexes.main.url={index.url}"
        accept = ["--set", setting, "trust", "accept", "main/echo"]
        look(index, data)
        assert main([*accept]) == 0
        assert "contradicts nothing" in capsys.readouterr().out

        index.file("echo", "1.0").row["hashes"] = {"sha256": "cd" * 32}
        with pytest.raises(FreshnessError) as caught:
            look(index, data)
        assert caught.value.code == "freshness-hash-changed"
        assert "lockgate trust accept" in caught.value.hint

        assert main([*accept, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["index"], told["name"]) == ("main", "echo")
        assert [c["code"] for c in told["accepted"]] == ["freshness-hash-changed"]
        assert look(index, data) == "cd" * 32


def test_nothing_is_accepted_from_an_index_that_cannot_be_read(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with loopback_index() as index:
        setting = f"plugins.marketplace.indexes.main.url={index.url}"
        assert main(["--set", setting, "trust", "accept", "echo", "--json"]) == 3

    assert json.loads(capsys.readouterr().out)["error"]["code"] == "fetch-missing"
    assert not (data / "trust" / "seen").exists()
