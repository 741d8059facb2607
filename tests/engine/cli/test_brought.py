"""Verbs that a plugin of the trusted base brings, and what others get for trying.

The distribution `lockgate-workflows`, which the shipped policy names, is played here
by one that lies first on the search path: the engine can't tell, and need not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate._manifest.reserved import RESERVED_NOUNS
from lockgate.cli._brought import MARKETPLACE_VERBS
from lockgate.cli._verbs import VERBS
from lockgate.errors import ManifestError
from lockgate.manifest import Manifest, parse_manifest
from tests.engine.cli.conftest import Shell
from tests.meta.workspace import members
from tests.support.dists import manifest_text

VERBS_TABLE = """
[[verbs]]
name = "bundle"
help = "Pack what a test asks for."
module = "lockgate_workflows.cli.bundle"

[[verbs]]
name = "list"
help = "Stand in for a built-in."
module = "lockgate_workflows.cli.bundle"
"""

HOOKS = '[hooks]\ndiagnose = "lockgate_workflows.plugin:diagnose"\n'

MODULE = """
from lockgate.verb import print_json, print_lines, settings
from lockgate.errors import UsageError

def add(subparsers):
    parser = subparsers.add_parser("bundle", description="Pack.")
    parser.add_argument("what")
    parser.add_argument("--json", action="store_true")

def run(args):
    if args.what == "wrong":
        raise UsageError("that is wrong", hint="say right")
    if args.json:
        print_json({"packed": args.what, "cache": settings(args).cache_dir})
    else:
        print_lines([f"packed {args.what}"])
    return 1 if args.what == "odd" else 0
"""


def manifest(table: str = VERBS_TABLE) -> str:
    return manifest_text(
        "workflows",
        package="lockgate_workflows",
        kinds='["service"]',
        tier='"system"',
        extra=HOOKS + table,
    )


def bring(shell: Shell, module: str = MODULE, table: str = VERBS_TABLE) -> None:
    shell.site.wheel(
        "lockgate-workflows",
        plugin="workflows",
        manifest=manifest(table),
        files={
            "lockgate_workflows/cli/__init__.py": "",
            "lockgate_workflows/cli/bundle.py": module,
        },
    )


def test_a_brought_verb_is_dispatched_like_a_built_in(shell: Shell) -> None:
    bring(shell)

    done = shell.run("--set", f"cache-dir={shell.home}/c", "bundle", "it", "--json")
    odd = shell.run("bundle", "odd")
    wrong = shell.run("bundle", "wrong", "--json")
    usage = shell.run("bundle")

    assert done.json == {"packed": "it", "cache": f"{shell.home}/c"}
    assert (odd.status, odd.out) == (1, "packed odd\n")
    assert (wrong.status, wrong.json["error"]["hint"]) == (2, "say right")
    assert usage.status == 2
    assert "lockgate bundle" in usage.err


def test_help_lists_it_without_importing_it(shell: Shell) -> None:
    bring(shell, module="raise SystemExit(99)")

    shown = shell.run("--help")

    assert shown.status == 0
    assert "bundle                 Pack what a test asks for." in shown.out
    assert "Stand in for a built-in" not in shown.out


def test_a_built_in_wins(shell: Shell) -> None:
    bring(shell, module="raise SystemExit(99)")

    assert "plugins" in shell.run("list", "--json").json


def test_a_module_that_cannot_be_imported_is_said_of_its_plugin(shell: Shell) -> None:
    bring(shell, module="import no_such_library")

    result = shell.run("bundle", "x", "--json")

    assert result.status == 1
    assert result.json["error"]["code"] == "plugin-unavailable"
    assert "no_such_library" in result.json["error"]["message"]


def test_a_module_of_another_package_is_refused(shell: Shell) -> None:
    (shell.site.folder / "elsewhere.py").write_text("raise SystemExit(99)")
    bring(
        shell, table=VERBS_TABLE.replace("lockgate_workflows.cli.bundle", "elsewhere")
    )

    result = shell.run("bundle", "x")

    assert result.status == 1
    assert "not from its own distribution" in result.err


def test_a_package_that_stands_in_for_the_trusted_one_is_refused(
    shell: Shell, tmp_path: Path
) -> None:
    bring(shell)
    first = tmp_path / "first"
    (first / "lockgate_workflows" / "cli").mkdir(parents=True)
    (first / "lockgate_workflows" / "__init__.py").write_text("raise SystemExit(99)")

    result = shell.run("bundle", "x", PYTHONPATH=f"{first}:{shell.env['PYTHONPATH']}")

    assert result.status == 1
    assert f"imported from {first}" in result.err


def test_a_disabled_plugin_brings_nothing(shell: Shell) -> None:
    bring(shell)

    result = shell.run("-p", "no:workflows", "bundle", "x", "--json")

    assert result.json["error"]["code"] == "plugin-unavailable"
    assert "-p no:workflows" in result.json["error"]["message"]
    assert "bundle " not in shell.run("-p", "no:workflows", "--help").out


def test_a_plugin_in_an_environment_of_its_own_brings_nothing(
    shell: Shell, tmp_path: Path
) -> None:
    apart = Shell(tmp_path / "apart")
    bring(apart, module="raise SystemExit(99)")
    environ = {
        "LOCKGATE_ENVIRONMENTS": f'{{"lockgate-workflows": ["{apart.site.path}"]}}'
    }

    listed = shell.run("list", "--json", **environ).json["plugins"]
    result = shell.run("bundle", "x", **environ)

    (plugin,) = [p for p in listed if p["location"].startswith(apart.site.path)]
    assert plugin["state"] == "broken"
    assert "which run in the host" in plugin["reason"]
    assert result.status == 1


def test_a_stranger_may_bring_none(shell: Shell) -> None:
    table = VERBS_TABLE.replace("lockgate_workflows.cli", "acme")
    shell.site.wheel(
        "acme",
        manifest=manifest_text("acme", extra=table),
        files={"acme/bundle.py": MODULE},
    )
    # The name of a trusted plugin, from a distribution that may not carry it.
    shell.site.wheel("evil", plugin="workflows", manifest=manifest())

    listed = shell.run("list", "--json").json["plugins"]

    found = {plugin["distribution"]: plugin for plugin in listed}
    assert found["acme"]["state"] == "broken"
    assert "only a plugin of the trusted base" in found["acme"]["reason"]
    assert found["evil"]["state"] == "duplicate"
    assert found["lockgate-workflows"]["state"] == "ok"
    assert "Pack what a test asks for" not in shell.run("--help").out


def test_without_the_marketplace_its_verbs_say_where_they_come_from(
    shell: Shell,
) -> None:
    result = shell.python(
        "import lockgate.cli._brought as b, sys\n"
        "found = b.installed\n"
        "def without(config):\n"
        "    class Found: plugins = [p for p in found(config).plugins"
        " if p.name != 'marketplace']\n"
        "    return Found\n"
        "b.installed = without\n"
        "from lockgate.cli import main; sys.exit(main(['install', 'x']))"
    )

    assert result.status == 2
    assert "comes with the marketplace, which is not installed" in result.err
    from lockgate._installer import pip_command, source_of

    assert pip_command("install", source_of("lockgate-marketplace")) in result.err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('name = "polish"\nhelp = "x"\nmodule = "a.b"', "keeps for itself"),
        ('name = "sync"\nhelp = "x"\nmodule = "a b"', "'a b' is not written as"),
        ('name = "sync"\nhelp = "x"', "'module' is missing"),
        ('name = "sync"\nhelp = "x"\nmodule = "a"\nrun = 1', "unknown key 'run'"),
    ],
)
def test_a_wrong_verb_is_refused_with_its_line(table: str, said: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse(manifest(f"[[verbs]]\n{table}\n"))

    assert said in str(caught.value)
    assert caught.value.line > 5


def test_a_verb_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ManifestError, match="there twice"):
        parse(manifest(VERBS_TABLE.replace('"list"', '"bundle"')))


def test_the_verbs_travel_through_the_index() -> None:
    found = parse(manifest())

    assert [verb.name for verb in found.verbs] == ["bundle", "list"]
    assert Manifest.from_data(found.to_data(short=True)) == found


def parse(text: str) -> Manifest:
    return parse_manifest(
        text.encode(), file="lockgate.toml", distribution="lockgate-workflows"
    )


def test_every_verb_of_ours_is_a_reserved_word_and_there_once() -> None:
    offered: list[str] = []
    for member in members():
        path = member.source / "lockgate.toml"
        if path.exists():
            name = member.distribution
            found = parse_manifest(path.read_bytes(), file=str(path), distribution=name)
            offered += [verb.name for verb in found.verbs]
            if name == "lockgate-marketplace":
                assert {verb.name for verb in found.verbs} <= MARKETPLACE_VERBS, (
                    "name it in lockgate.cli._brought too"
                )

    assert VERBS.keys() <= RESERVED_NOUNS
    assert MARKETPLACE_VERBS <= RESERVED_NOUNS
    assert len({*offered, *VERBS}) == len(offered) + len(VERBS)
