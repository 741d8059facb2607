"""``lockgate trust``: what is remembered of publishers, and keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate.cli import main
from lockgate_marketplace.identity import Trust, key_identity
from tests.support.home import fresh_settings

AUTHOR = key_identity(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
KEY = f"ed25519:{AUTHOR.subject}"


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    fresh_settings(tmp_path, monkeypatch)
    file = tmp_path / "CONFIG" / "lockgate" / "config.toml"
    file.parent.mkdir(parents=True)
    lines = [
        f'[plugins.marketplace.indexes.{name}]\nurl = "http://127.0.0.1:9/{name}/"\n'
        for name in ("main", "other")
    ]
    file.write_text("".join(lines))
    return Trust.below(tmp_path / "DATA" / "lockgate")


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["trust", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_nothing_is_remembered_at_first(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys) == {"publishers": []}
    assert main(["trust", "show"]) == 0
    assert "Nothing is remembered" in capsys.readouterr().out
    assert not trust.path.exists()


def test_a_key_is_pinned_shown_rotated_and_forgotten(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "pin", "Acme_Lamp", "--index", "main", "--key", KEY)
    (pin,) = told(capsys, "show")["publishers"]
    assert (pin["name"], pin["kind"], pin["subject"]) == (
        "acme-lamp",
        "key",
        AUTHOR.subject,
    )

    assert main(["trust", "show"]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if "acme" in row]
    assert "none yet" in line, "no version of it was ever installed"

    told(capsys, "rotate", "acme-lamp")
    found = trust.get("main", "acme-lamp")
    assert found is not None
    assert found.identity.kind == "awaited"

    told(capsys, "forget", "acme-lamp")
    assert trust.pins() == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rotate", "nobody"], "nothing is remembered"),
        (["forget", "nobody"], "nothing is remembered"),
        (["pin", "acme", "--index", "main", "--key", "rsa:x"], "ed25519:BASE64"),
        (["pin", "acme", "--key", KEY], "--index INDEX"),
        (["rotate", "acme", "--index", "main"], "in the index 'main'"),
        (["forget", "acme", "--index", "mian"], "in the index 'mian'"),
        (["rotate"], "NAME"),
        (["dance"], "dance"),
    ],
)
def test_a_slip_is_told(
    words: list[str],
    message: str,
    trust: Trust,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["trust", *words]) == 2
    assert message in capsys.readouterr().err
    assert not trust.path.exists()


def test_a_name_in_two_indexes_has_to_be_told_apart(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in ("main", "other"):
        trust.pin(index, "acme", AUTHOR, "1.0")

    assert main(["trust", "rotate", "acme"]) == 2
    assert "main, other" in capsys.readouterr().err
    told(capsys, "rotate", "acme", "--index", "other")
    pins = {pin.index: pin.identity.kind for pin in trust.pins()}
    assert pins == {"main": "key", "other": "awaited"}


def test_an_unsound_file_is_an_error_with_its_place(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    trust.path.parent.mkdir(parents=True)
    trust.path.write_text("{}")
    trust.path.chmod(0o600)

    assert main(["trust", "--json"]) == 3
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "identity-pins-unsound"
    assert error["where"] == str(trust.path)


def test_a_key_is_made_for_its_owner(
    trust: Trust, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "key.pem"

    public = told(capsys, "key", str(path))["public"]

    assert public.startswith("ed25519:")
    assert "PRIVATE KEY" in path.read_text()
    assert main(["trust", "key", str(path)]) == 3
    assert "there already" in capsys.readouterr().err


def test_a_key_for_an_index_that_is_not_there_is_refused(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("trust", "pin", "acme", "--index", "nope", "--key", KEY, "--json")
    assert main(words) == 3

    assert json.loads(capsys.readouterr().out)["error"]["code"] == "source-unknown"
    assert not trust.pins()


def test_what_an_index_left_behind_can_be_forgotten(
    trust: Trust, capsys: pytest.CaptureFixture[str]
) -> None:
    trust.pin("gone", "acme", AUTHOR, "1.0")  # configured no more

    told(capsys, "forget", "acme", "--index", "gone")

    assert trust.pins() == ()
