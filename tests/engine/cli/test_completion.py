"""``lockgate completion``: what a Tab offers in real shells, and what it never runs."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text
from tests.support.sandbox import wait_until

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
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    script = shell.work / f"script.{name}"
    script.write_text(shell.run("completion", name).out)
    if name == "zsh":
        return _on_zsh(shell, script, line)
    if name == "bash":
        ask = (
            f"source {script}; COMP_WORDS=({line}); [[ '{line}' == *' ' ]] && "
            "COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _lockgate; "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
    else:
        ask = f"source {script}; complete -C '{line}'"
    done = subprocess.run(
        [name, "-c", ask], cwd=shell.work, env=shell.env, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split()


_ZSHRC = """
PS1='ready>'
autoload -U compinit; compinit -u -D
source {script}
compadd() {{
    local -a met
    builtin compadd -O met "$@"
    print -rl -- "${{met[@]}}" >{offered}.part && mv {offered}.part {offered}
    builtin compadd "$@"
}}
"""


def _on_zsh(shell: Shell, script: Path, line: str) -> list[str]:
    """Zsh completes nowhere but on a terminal; its words are taken on their way."""
    offered = shell.work / "offered"
    rc = _ZSHRC.format(script=script, offered=offered)
    (shell.work / ".zshrc").write_text(rc)
    env = shell.env | {"ZDOTDIR": str(shell.work), "TERM": "xterm"}
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        ["zsh", "-i"],
        cwd=shell.work,
        env=env,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        shown = b""
        while b"ready>" not in shown:
            shown += os.read(screen, 65536)
        os.write(screen, f"{line}\t".encode())
        assert wait_until(offered.exists, 30)
        process.kill()
    os.close(screen)
    found = offered.read_text().split()
    offered.unlink()
    return found


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
