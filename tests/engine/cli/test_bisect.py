"""``lockgate bisect``: the plugin that breaks a command, found by running it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.cli.conftest import Result, Shell
from tests.support.dists import manifest_text, package_of

GOOD = """
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree):
    print("here", __name__)
    return Transformation(tree)
"""

EXITS = f"import os\nos._exit(3)\n{GOOD}"


def bisect(shell: Shell, *arguments: str) -> Result:
    """Among the plugins that the test has added: each more is a run more."""
    listed = shell.run("list", "--json").json["plugins"]
    ours = [
        one["name"] for one in listed if one["distribution"].startswith("lockgate-")
    ]
    return shell.run("--set", f"disabled={','.join(ours)}", "bisect", *arguments)


def add(shell: Shell, name: str, source: str, **keys: str) -> None:
    package = package_of(name)
    text = manifest_text(name, **keys)
    shell.site.wheel(name, manifest=text, files={f"{package}/__init__.py": source})


def test_the_one_that_breaks_a_call_is_found_among_others(shell: Shell) -> None:
    for number in range(4):
        add(shell, f"good-{number}", GOOD)
    add(shell, "evil", EXITS)

    told = bisect(shell, "--json", "--", "call", "transform", "tree={}")

    assert told.status == 0, told.err
    (one,) = told.json["plugins"]
    assert one["plugin"] == "evil"
    assert one["guilty"]
    assert one["without"]["status"] == 0
    assert told.json["failure"]["code"] == "worker-crashed"
    assert told.json["runs"] < 16


def test_what_the_command_only_needs_is_not_blamed(shell: Shell) -> None:
    add(shell, "asked", GOOD + "\nraise SystemExit(1)\n")

    told = bisect(shell, "--", "call", "transform", "--plugin", "asked", "tree={}")

    assert told.status == 0, told.err
    assert "asked is needed for the command to get that far" in told.out
    assert "plugin-unavailable" in told.out


def test_text_of_the_output_can_be_the_failure(shell: Shell) -> None:
    add(shell, "loud", GOOD)
    add(shell, "other", GOOD)

    told = bisect(
        shell, "--text", "here loud", "--json", "--", "call", "transform", "tree={}"
    )

    assert [one["plugin"] for one in told.json["plugins"]] == ["loud"]
    assert told.json["plugins"][0]["without"]["matched"] is False


def test_a_command_that_works_has_nothing_to_find(shell: Shell) -> None:
    told = shell.run("bisect", "--", "list")

    assert told.status == 2
    assert "does not fail" in told.err


def test_a_failure_that_no_plugin_causes_blames_nobody(shell: Shell) -> None:
    add(shell, "good", GOOD)

    told = shell.run("bisect", "--", "call", "no-such-hook")

    assert told.status == 1
    assert "no plugin's doing" in told.out
    assert "lockgate call --help" in told.out


def test_bad_words_are_usage_errors(shell: Shell) -> None:
    assert shell.run("bisect").status == 2
    told = shell.run("bisect", "--text", "(", "--", "list")
    assert told.status == 2
    assert "no regular expression" in told.err


def test_a_folder_of_its_name_in_the_working_folder_is_not_run(
    shell: Shell, tmp_path: Path
) -> None:
    ran, fake = tmp_path / "ran", shell.work / "lockgate"
    fake.mkdir()
    (fake / "__init__.py").write_text("")
    (fake / "__main__.py").write_text(f"open({str(ran)!r}, 'w').close()\n")

    def run(*words: str) -> bytes:
        done = subprocess.run(
            [sys.executable, *words, "bisect", "--", "call", "no-such-hook"],
            cwd=shell.work,
            env=shell.env,
            stdout=subprocess.PIPE,
            check=False,
        )
        return done.stdout

    started = "import sys; from lockgate.cli import main; main(sys.argv[1:])"
    assert b"no plugin's doing" in run("-P", "-c", started)
    assert not ran.exists()
    run("-m", "lockgate")  # what Python does by itself: the folder is there to be run
    assert ran.exists()
