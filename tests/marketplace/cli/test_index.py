"""``lockgate index``: what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockgate.cli import main
from tests.marketplace.site.samples import stock
from tests.support.home import fresh_settings


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_settings(tmp_path, monkeypatch)


def told(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> Any:
    assert main(["index", *words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_it_builds_and_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = stock(tmp_path / "wheels")

    first = told(capsys, 0, "build", "wheels", "--out", "site", "--title", "Ours")
    again = told(capsys, 0, "build", "wheels", "--out", "site", "--title", "Ours")

    assert (first["plugins"], first["projects"], first["judged"]) == (5, 6, 8)
    assert (again["judged"], again["hashed"]) == (0, 8)
    assert "<title>Ours</title>" in (tmp_path / "site" / "index.html").read_text()
    assert main(["index", "build", str(wheels), "--out", "site"]) == 0
    assert "5 plugins in 6 projects" in capsys.readouterr().out
    # What is not said again stays as it was.
    assert "<title>Ours</title>" in (tmp_path / "site" / "index.html").read_text()


def test_the_address_that_it_was_tried_under_is_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stock(tmp_path / "wheels")
    site = tmp_path / "site"

    def holding(what: str) -> set[str]:
        files = (path for path in site.rglob("*") if path.is_file())
        return {path.name for path in files if what.encode() in path.read_bytes()}

    for tried in ("http://127.0.0.1:8000/", "http://localhost/x", "http://[::1]:80/"):
        told(capsys, 0, "build", "wheels", "--out", "site", "--url", tried)
        assert "feed.xml" in holding(tried)
        told(capsys, 0, "build", "wheels", "--out", "site")
        assert holding(tried) == set()
        assert holding(str(tmp_path)) == set()
    told(capsys, 0, "build", "wheels", "--out", "site", "--url", "https://a.example/")
    told(capsys, 0, "build", "wheels", "--out", "site")
    assert "feed.xml" in holding("https://a.example/")


def test_a_wheel_left_out_is_status_1_and_with_strict_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheels = stock(tmp_path / "wheels")
    (wheels / "evil-1.0-py3-none-any.whl").write_bytes(b"no zip")

    data = told(capsys, 1, "build", "wheels", "--out", "site")
    error = told(capsys, 3, "build", "wheels", "--out", "other", "--strict")["error"]

    assert [one["file"] for one in data["refused"]] == ["evil-1.0-py3-none-any.whl"]
    assert data["refused"][0]["hint"]
    assert error["code"] == "index-wheel-refused"
    assert not (tmp_path / "other").exists()


def test_serve_tells_its_address_and_ends_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stock(tmp_path / "wheels")
    told(capsys, 0, "build", "wheels", "--out", "site")
    command = [sys.executable, "-m", "lockgate", "index", "serve", "site", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while not lines[-1].startswith("}"):
            lines.append(process.stdout.readline())
        url = json.loads("".join(lines))["url"]

        assert httpx.get(f"{url}catalog.json").json()["libraries"] == ["six"]

        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_what_is_no_index_is_not_served(capsys: pytest.CaptureFixture[str]) -> None:
    error = told(capsys, 3, "serve", ".")["error"]

    assert error["code"] == "index-site-foreign"
