"""enable, disable, pin, unpin, find, and what a project requires."""

from __future__ import annotations

from lockgate._installer import pip_command
from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text


def test_disable_and_enable_last_and_say_why(shell: Shell) -> None:
    shell.site.wheel("acme")

    told = shell.run("disable", "acme", "--reason", "too slow")
    assert told.status == 0, told.err
    info = shell.run("info", "acme").out
    assert "too slow" in info
    assert "`lockgate enable acme --user` takes that back." in info
    assert shell.names()["acme"] == "disabled"

    back = shell.run("enable", "acme", "--json").json
    assert (back["changed"], back["plugin"]["state"]) == (True, "ok")
    assert shell.run("enable", "acme", "--json").json["changed"] is False


def test_a_pin_of_a_project_holds_for_who_works_there(shell: Shell) -> None:
    shell.site.wheel("acme", version="1.3")
    (shell.work / "pyproject.toml").write_text("[project] # mine\n")

    assert "acme is pinned" in shell.run("pin", "acme==1.2", "--project").out
    text = (shell.work / "pyproject.toml").read_text()
    assert text.startswith("[project] # mine\n\n[tool.lockgate.choose.acme]\n")
    assert "installed is 1.3" in shell.run("info", "acme").out

    assert shell.run("unpin", "acme", "--project").status == 0
    assert shell.names()["acme"] == "ok"


def test_a_name_or_version_that_is_none_is_a_usage_error(shell: Shell) -> None:
    shell.site.wheel("acme")

    unknown = shell.run("disable", "acem")
    assert (unknown.status, "'acme'" in unknown.err) == (2, True)
    assert "NAME==VERSION" in shell.run("pin", "acme").err
    assert shell.run("unpin", "acme==1").status == 2


def test_a_command_is_refused_where_a_requirement_is_not_met(shell: Shell) -> None:
    shell.site.wheel("acme", version="1.3")
    (shell.work / "lockgate.toml").write_text(
        'requires = ["acme>=2", "nowhere", "Acme!=1"]\n'
    )

    listed = shell.run("list", "--json")
    assert listed.status == 0
    assert "acme" in {plugin["name"] for plugin in listed.json["plugins"]}
    assert "warning[project-requires]" in listed.err

    called = shell.run("call", "transform", "--json", "tree={}")
    assert called.status == 3
    error = called.json["error"]
    assert error["code"] == "project-requires"
    assert error["missing"] == {"acme>=2": "1.3", "nowhere": "not installed"}
    assert pip_command("install", "acme>=2", "nowhere") in error["hint"]

    (shell.work / "lockgate.toml").write_text('requires = ["acme >"]\n')
    wrong = shell.run("list")
    assert (wrong.status, "is no requirement" in wrong.err) == (2, True)


def test_find_prints_who_can_do_it(shell: Shell) -> None:
    extra = '[capabilities]\nfiles = ["*.xyz"]\ntags = ["odd"]\n'
    shell.site.wheel("acme", manifest=manifest_text("acme", extra=extra))

    rows = shell.run("find", "file=a.xyz", "odd").out.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["acme"]
    assert shell.run("find", "file=a.xyz", "tag=other", "--json").json == {
        "plugins": []
    }
    unknown = shell.run("find", "fiel=a.xyz")
    assert (unknown.status, "'file'" in unknown.err) == (2, True)
