"""``lockgate completion``: what a Tab offers in real shells, and what it never runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text
from tests.support.shells import completed

COMMAND = """\
[[commands]]
noun = "acme"
verb = "go"
help = "Go."
pipeline = "go.yaml"
"""


@pytest.fixture
def acme(shell: Shell) -> Shell:
    shell.site.wheel("acme", manifest=manifest_text("acme", extra=COMMAND))
    return shell


def words(shell: Shell, line: str) -> list[str]:
    """What a Tab behind `line`, split at each blank, offers."""
    return shell.run("completion", "--words", *line.split(" ")).out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("inf", ["info"]),
        ("ac", ["acme"]),
        ("acme ", ["go"]),
        ("acme go --fo", ["--force"]),
        ("list --", ["--help", "--json", "--kind", "--state"]),
        ("--set timeout=3 inf", ["info"]),
        ("--sa", ["--safe"]),
        ("-p ac", ["acme"]),
        ("info ac", ["acme"]),
        ("info acme ", []),
        ("grants ", ["diff", "grant", "revoke", "show"]),
        ("grants revoke ac", ["acme"]),
        ("quarantine ", ["clear", "list"]),
        ("call generat", ["generate", "generator_targets"]),
        ("call transform --plugin ac", ["acme"]),
        ("hooks show embe", ["embed"]),
        ("help inf", ["info"]),
        ("sandbox run --allow-w", ["--allow-write"]),
        ("nobody ", []),
    ],
)
def test_a_tab_offers_what_can_stand_there(
    acme: Shell, line: str, offered: list[str]
) -> None:
    assert words(acme, line) == offered


def test_settings_that_are_wrong_take_no_word_away(acme: Shell) -> None:
    (acme.home / ".config" / "lockgate").mkdir(parents=True)
    (acme.home / ".config" / "lockgate" / "config.toml").write_text("timeout = [\n")

    assert words(acme, "inf") == ["info"]


def test_without_a_shell_the_shells_are_told(shell: Shell) -> None:
    result = shell.run("completion")

    assert result.status == 2
    assert "SHELL is missing: bash, fish, zsh" in result.err


def complete(shell: Shell, name: str, line: str) -> list[str]:
    """What the shell `name` itself makes of a Tab behind `line`."""
    script = shell.run("completion", name).out
    return completed(name, script, line, shell.work, shell.env)


@pytest.mark.parametrize("name", ["bash", "fish", "zsh"])
def test_a_shell_takes_the_words(acme: Shell, name: str) -> None:
    assert complete(acme, name, "lockgate inf") == ["info"]
    assert "acme" in complete(acme, name, "lockgate info ")


@pytest.mark.parametrize("name", ["bash", "fish", "zsh"])
def test_a_name_that_a_shell_would_run_is_not_offered(acme: Shell, name: str) -> None:
    """A plugin of the old kind may have any name."""
    mark, named = acme.work / "run", "a$(touch run)"
    acme.site.wheel(
        "evil",
        manifest=None,
        entry_points=f"[lockgate.transformer]\n{named} = evil\n",
    )
    assert named in acme.names()
    # What bash's own way to offer words makes of it.
    naive = ["bash", "-c", 'compgen -W "$1"', "bash", named]
    subprocess.run(naive, cwd=acme.work, env=acme.env, capture_output=True)
    mark.unlink()

    assert "acme" in complete(acme, name, "lockgate info ")
    assert not mark.exists()
    assert words(acme, "info a") == ["acme", "assistant"]


@pytest.mark.parametrize("name", ["bash", "fish", "zsh"])
def test_a_tab_imports_nothing_from_the_working_folder(
    acme: Shell, name: str, tmp_path: Path
) -> None:
    mark = tmp_path / "imported"
    package = acme.work / "lockgate"
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(mark)!r}, 'w')\n")

    assert complete(acme, name, "lockgate inf") == ["info"]
    assert not mark.exists()
