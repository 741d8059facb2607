"""``lockgate install``: what it is given that is no plugin's name and no wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate.cli import main
from tests.support.home import fresh_settings


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_settings(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("word", "said", "hint"),
    [
        (".", "is a folder", "pip wheel --no-deps -w dist ."),
        ("./project/", "is a folder", "then: lockgate install dist/*.whl"),
        ("wheels/", "is a folder", "Name its wheels: lockgate install wheels/*.whl"),
        ("acme-1.0.tar.gz", "to build it is to run its code", "acme-1.0.tar.gz"),
        ("git+https://example.org/acme", "is an address", "Download the wheel"),
        ("https://example.org/a-1-py3-none-any.whl", "is an address", "Download"),
    ],
)
def test_what_would_have_to_be_built_or_fetched_is_told_the_way(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    word: str,
    said: str,
    hint: str,
) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "acme-1.0-py3-none-any.whl").touch()

    assert main(["install", word]) == 2
    told = capsys.readouterr().err
    assert f"error[usage]: {word!r}" in told
    assert said in told
    assert hint in told


def test_a_name_that_a_folder_has_too_is_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "acme").mkdir()

    assert main(["install", "acme"]) == 3
    assert "no index answers for acme" in capsys.readouterr().err
