"""``lockgate grants``: the whole life of a right, on the command line."""

from __future__ import annotations

from shutil import rmtree

import pytest

from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text

PLUGIN = """
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, context):
    run = context.run_program("ruff", ["--version"])
    return Transformation(Tree.of({"version": run.stdout}))
"""

RIGHTS = """
[rights]
env = ["TOKEN"]
[[rights.programs]]
name = "ruff"
distribution = "ruff"
file = "bin/ruff"
"""


def install(shell: Shell, *, version: str = "1.0", extra: str = RIGHTS) -> None:
    manifest = manifest_text("acme", tier='"elevated"', extra=extra)
    rmtree(shell.site.folder / "acme-1.0.dist-info", ignore_errors=True)
    shell.site.wheel(
        "acme", version=version, manifest=manifest, files={"acme/__init__.py": PLUGIN}
    )


@pytest.fixture
def acme(shell: Shell) -> Shell:
    install(shell)
    return shell


def states(shell: Shell) -> dict[str, str]:
    rows = shell.run("grants", "show", "acme", "--json").json["rights"]
    return {row["right"]: row["state"] for row in rows}


def call(shell: Shell) -> int:
    result = shell.run("call", "transform", "--plugin", "acme", "tree={}", "--json")
    if result.status:
        error = result.json["error"]
        assert error["cause"] == "permission-denied", error
        assert "lockgate grants grant acme program:ruff" in error["hint"]
    return result.status


def test_a_right_is_refused_granted_used_and_taken_back(acme: Shell) -> None:
    assert call(acme) == 1

    granted = acme.run("grants", "grant", "acme", "tier:elevated", "program:ruff")
    assert granted.status == 0, granted.err
    assert call(acme) == 0

    revoked = acme.run("grants", "revoke", "acme", "program:ruff", "--json")
    assert revoked.json == {"plugin": "acme", "revoked": ["program:ruff"], "by": {}}
    assert call(acme) == 1


def test_the_command_that_a_denial_names_really_grants_it(acme: Shell) -> None:
    result = acme.run("call", "transform", "--plugin=acme", "tree={}", "--json")
    command = result.json["error"]["grant"]
    assert command.startswith("lockgate grants grant acme ")

    assert acme.run(*command.split()[1:]).status == 0

    assert call(acme) == 0


def test_show_lists_what_is_asked_for_and_how_it_stands(acme: Shell) -> None:
    assert set(states(acme).values()) == {"not granted"}

    acme.run("grants", "grant", "acme", "env:TOKEN")

    assert states(acme) == {
        "tier:elevated": "not granted",
        "env:TOKEN": "granted",
        "program:ruff": "not granted",
    }
    text = acme.run("grants", "show", "acme").out
    assert "bin/ruff of ruff" in text


def test_our_own_plugins_are_shown_as_shipped(shell: Shell) -> None:
    rows = shell.run("grants", "show", "format", "--json").json["rights"]

    assert {row["state"] for row in rows} == {"shipped"}


def test_diff_prints_the_command_for_what_is_missing(acme: Shell) -> None:
    acme.run("grants", "grant", "acme", "env:TOKEN")

    result = acme.run("grants", "diff", "acme")

    assert "lockgate grants grant acme tier:elevated program:ruff" in result.out
    assert "env:TOKEN" not in result.out


def test_all_grants_everything_that_is_asked_for(acme: Shell) -> None:
    assert acme.run("grants", "grant", "acme", "--all").status == 0

    assert set(states(acme).values()) == {"granted"}
    assert acme.run("grants", "diff", "acme").out == "No difference.\n"


def test_a_new_version_has_to_be_granted_anew(acme: Shell) -> None:
    acme.run("grants", "grant", "acme", "--all")
    install(acme, extra=RIGHTS.replace('"TOKEN"', '"TOKEN", "MORE"'))

    assert set(states(acme).values()) == {"stale", "not granted"}
    assert states(acme)["env:MORE"] == "not granted"
    assert call(acme) == 1
    assert "env:MORE" in acme.run("grants", "diff", "acme").out


def test_any_version_outlives_an_upgrade_that_asks_for_nothing_more(
    acme: Shell,
) -> None:
    acme.run("grants", "grant", "acme", "--all", "--any-version")
    install(acme, extra=RIGHTS.replace('"TOKEN"', ""))

    assert call(acme) == 0


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["grant", "acme", "env:TOKE"], "env:TOKEN"),
        (["grant", "acme"], "It asks for"),
        (["grant", "acne", "--all"], "acme"),
        (["revoke", "acme"], "--all"),
    ],
)
def test_a_wrong_word_is_a_usage_error_with_a_way_out(
    acme: Shell, words: list[str], hint: str
) -> None:
    result = acme.run("grants", *words, "--json")

    assert result.status == 2
    assert hint in result.json["error"]["hint"]


def test_nobody_can_grant_the_trusted_base(shell: Shell) -> None:
    manifest = manifest_text("acme", tier='"system"', kinds='["transformer"]')
    shell.site.wheel("acme", manifest=manifest)

    result = shell.run("grants", "grant", "acme", "tier:system", "--json")

    assert result.status == 2
    assert "trusted base" in result.json["error"]["message"]


def test_a_grants_file_that_cannot_be_trusted_grants_nothing(acme: Shell) -> None:
    acme.run("grants", "grant", "acme", "--all")
    file = next(acme.home.rglob("grants.toml"))
    file.chmod(0o666)

    shown = acme.run("grants", "show", "acme", "--json")

    assert shown.json["error"]["code"] == "grants-invalid"
    assert call(acme) == 1


def test_all_of_nothing_is_granted_without_a_word_of_error(shell: Shell) -> None:
    shell.site.wheel("acme", manifest=manifest_text("acme"))

    result = shell.run("grants", "grant", "acme", "--all")

    assert result.status == 0
    assert "Nothing is asked for." in result.out
