"""``lockgate-sandbox completion``: what a Tab offers in real shells."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_sandbox.cli import main
from tests.support.shells import completed


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", ["completion", "doctor", "learn", "policy", "run", "scan"]),
        ("--v", ["--version"]),
        ("run --allow-w", ["--allow-write"]),
        ("run --tier ", ["admin", "basic", "elevated", "read-only"]),
        ("run --tier basic --pro", ["--profile"]),
        ("run --memory 64M --profile r", ["restricted"]),
        ("run --allow-read ", []),
        ("run --tier=basic x.py ", []),
        ("run x.py --", []),
        ("run - --", []),
        ("policy ", ["diff", "explain", "show"]),
        ("policy diff --", ["--help", "--json"]),
        ("policy diff a.json b.json c", []),
        ("completion ", ["bash", "fish", "zsh"]),
        ("nothing ", []),
    ],
)
def test_a_tab_offers_what_can_stand_there(
    line: str, offered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "--words", *line.split(" ")]) == 0
    assert capsys.readouterr().out.split() == offered


def test_without_a_shell_the_shells_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["completion"])
    assert ended.value.code == 2
    assert "SHELL is missing: bash, fish, zsh" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_shell_takes_the_words(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # What stands in the working folder is anybody's, and not imported.
    package = tmp_path / "lockgate_sandbox"
    package.mkdir()
    (package / "__init__.py").write_text("open('imported', 'w')\n")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out

    offered = completed(shell, script, "lockgate-sandbox doc", tmp_path)

    assert offered == ["doctor"]
    assert not (tmp_path / "imported").exists()
