"""``lockgate uninstall``, and how the other verbs show what the store has."""

from __future__ import annotations

import pytest

from lockgate._installer import pip_command
from tests.engine.cli.conftest import Shell
from tests.support.dists import SitePackages, manifest_text
from tests.support.stores import Kept


@pytest.fixture
def kept(shell: Shell) -> Kept:
    return Kept(shell.home / ".local" / "share" / "lockgate")


def test_a_plugin_is_taken_out_and_a_switch_brings_it_back(
    shell: Shell, kept: Kept
) -> None:
    kept.install("acme", "1.2")
    kept.install("other")

    result = shell.run("uninstall", "acme", "--json")

    assert result.status == 0
    assert result.json["uninstalled"] == [
        {"distribution": "acme", "version": "1.2", "plugins": ["acme"]}
    ]
    assert (result.json["generation"], result.json["former"]) == (3, 2)
    assert "acme" not in shell.names()
    assert shell.names()["other"] == "ok"
    assert kept.store.read().reason == "uninstall acme"
    with kept.store.locked():
        kept.store.switch(2)
    assert shell.names()["acme"] == "ok"


def test_several_go_at_once_or_none(shell: Shell, kept: Kept) -> None:
    kept.install("acme")
    kept.install("other")

    refused = shell.run("uninstall", "acme", "othre", "--json")
    done = shell.run("uninstall", "acme", "other")

    assert refused.status == 2
    assert refused.json["error"]["code"] == "unknown-plugin"
    assert "other" in refused.json["error"]["hint"]
    assert done.status == 0
    assert "acme 1.0 is uninstalled." in done.out
    assert kept.store.read().entries == ()
    assert kept.store.current() == 3


def test_a_broken_plugin_can_be_uninstalled(shell: Shell, kept: Kept) -> None:
    kept.install("acme", manifest="schema = [")
    assert shell.names()["acme"] == "broken"

    assert shell.run("uninstall", "acme").status == 0
    assert "acme" not in shell.names()


def test_what_the_store_does_not_have_is_refused_with_the_way_out(
    shell: Shell, kept: Kept
) -> None:
    own = SitePackages(shell.home / "own")
    own.wheel("apart")
    (shell.home / "single").mkdir()
    (shell.home / "single" / "lone.py").write_text("")
    shell.site.wheel("acme")
    environ = {
        "LOCKGATE_ENVIRONMENTS": f'{{"apart": ["{own.path}"]}}',
        "LOCKGATE_PLUGIN_FOLDERS": str(shell.home / "single"),
    }

    def hint(name: str) -> str:
        result = shell.run("uninstall", name, "--json", **environ)
        assert result.status == 3
        assert result.json["error"]["code"] == "not-in-store"
        return str(result.json["error"]["hint"])

    assert hint("acme") == pip_command("uninstall", "acme")
    assert "`environments`" in hint("apart")
    assert f"{shell.home}/single/lone.py" in hint("lone")
    assert not kept.root.exists()


def test_who_needs_it_and_what_it_shadowed_are_told(shell: Shell, kept: Kept) -> None:
    needy = manifest_text("needy", extra='[relations]\nrequires = ["acme"]\n')
    shell.site.wheel("needy", manifest=needy)
    kept.install("acme")

    first = shell.run("uninstall", "acme")
    assert "needy can't be used: needs acme" in first.out

    shell.site.wheel("acme")
    kept.install("acme", "2.0")
    second = shell.run("uninstall", "acme", "--json").json
    assert [p["version"] for p in second["still-installed"]] == ["1.0"]
    assert second["missing-requirement"] == []


def test_info_and_list_show_where_it_lies(shell: Shell, kept: Kept) -> None:
    library = kept.wheel("library", plugin="")
    kept.commit(kept.entry(kept.wheel("acme"), library))

    data = shell.run("info", "acme", "--json").json
    text = shell.run("info", "acme").out
    (row,) = [
        p for p in shell.run("list", "--json").json["plugins"] if p["name"] == "acme"
    ]

    assert data["stored"] is row["stored"] is True
    assert data["environment"] == row["environment"]
    assert f"imports from  {kept.root}/wheels/{library.sha256}/site" in text


def test_it_can_be_disabled_and_enabled(shell: Shell, kept: Kept) -> None:
    kept.install("acme")

    assert shell.run("disable", "acme").status == 0
    assert shell.names()["acme"] == "disabled"
    assert shell.run("enable", "acme").status == 0
    assert shell.names()["acme"] == "ok"


def test_a_store_that_others_may_write_is_told_and_mended(
    shell: Shell, kept: Kept
) -> None:
    kept.install("acme")
    kept.root.chmod(0o777)

    listed = shell.run("list", "--json")
    assert "warning[installed-invalid]" in listed.err
    assert "acme" not in {plugin["name"] for plugin in listed.json["plugins"]}
    assert shell.run("uninstall", "acme").status == 1
    checks = shell.run("doctor", "--json").json["checks"]
    (check,) = [c for c in checks if c["name"] == "store"]
    assert (check["state"], check["fixable"]) == ("problem", True)
    assert "others may write" in check["message"]

    shell.run("doctor", "--fix")

    assert shell.names()["acme"] == "ok"
    checks = shell.run("doctor", "--json").json["checks"]
    (check,) = [c for c in checks if c["name"] == "store"]
    assert check["state"] == "ok"
    assert "generation 1 in force, 1 kept, in " in check["message"]


def test_doctor_tells_of_a_folder_that_is_gone(shell: Shell, kept: Kept) -> None:
    kept.install("acme")
    (folder,) = (kept.root / "wheels").iterdir()
    folder.rename(kept.root / "wheels" / "away")

    result = shell.run("doctor", "--json")

    (check,) = [c for c in result.json["checks"] if c["name"] == "store"]
    assert (result.status, check["state"]) == (1, "problem")
    assert str(folder) in check["message"]
    assert "lockgate install acme==1.0" in check["hint"]


def test_a_project_cannot_say_where_the_store_is(shell: Shell, kept: Kept) -> None:
    kept.install("acme")
    (shell.work / "lockgate.toml").write_text(f'data-dir = "{kept.data}"\n')

    result = shell.run("list", "--json")

    assert result.status == 2
    assert "a project file must not set this" in result.json["error"]["message"]
