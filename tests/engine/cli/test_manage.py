"""list, info, hooks, config and doctor."""

from __future__ import annotations

import json
import os

import pytest

from lockgate._specs.spec import KINDS
from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text


def test_list_shows_each_plugin_with_its_state(shell: Shell) -> None:
    shell.site.wheel("acme", version="1.2")
    shell.site.wheel("torn", manifest="x")

    text = shell.run("list").out
    rows = {line.split()[0]: line for line in text.splitlines()}

    assert rows["acme"].split()[:5] == ["acme", "1.2", "transformer", "read-only", "ok"]
    assert "broken" in rows["torn"]
    assert "torn/lockgate.toml:1" in rows["torn"]


def test_list_can_be_narrowed(shell: Shell) -> None:
    shell.site.wheel("acme")
    shell.site.wheel("torn", manifest="x")

    assert "torn" not in shell.names(["--state", "ok"])
    assert "acme" in shell.names(["--kind", "transformer", "--state", "ok"])
    assert "acme" not in shell.names(["--kind", "ai"])


def test_list_json_says_where_and_why(shell: Shell) -> None:
    info = shell.site.wheel("torn", manifest=manifest_text("torn", tier='"x"'))

    plugin = next(
        p for p in shell.run("list", "--json").json["plugins"] if p["name"] == "torn"
    )

    assert plugin["location"] == str(info)
    assert plugin["state"] == "broken"
    assert "(tier)" in plugin["reason"]


def test_info_shows_a_manifest_in_full(shell: Shell) -> None:
    extra = '[rights]\nworkers = true\nenv = ["HOME"]\n[limits]\ncpu-seconds = 3\n'
    shell.site.wheel("acme", manifest=manifest_text("acme", extra=extra))

    text = shell.run("info", "acme").out
    data = shell.run("info", "acme", "--json").json

    assert "asks for      env HOME; workers of its own" in text
    assert data["details"]["rights"]["env"] == ["HOME"]
    assert data["details"]["limits"] == {"cpu_seconds": 3.0}


def test_info_of_a_broken_plugin_says_what_is_wrong(shell: Shell) -> None:
    shell.site.wheel("torn", manifest="x")

    result = shell.run("info", "torn")

    assert result.status == 0
    assert "state         broken" in result.out
    assert "hint" in result.out


def test_hooks_name_the_plugins_that_answer(shell: Shell) -> None:
    shell.site.wheel("acme")

    hooks = {h["name"]: h for h in shell.run("hooks", "--json").json["hooks"]}

    assert "acme" in hooks["transform"]["plugins"]
    assert hooks["transform"]["arguments"][0] == {
        "name": "tree",
        "type": "Tree",
        "required": True,
    }
    assert shell.run("hooks", "show", "transform").out.startswith(
        "transform(tree: Tree"
    )


def test_a_hook_is_shown_with_the_types_that_it_takes_and_gives(shell: Shell) -> None:
    result = shell.run("hooks", "show", "analyze")

    assert "  Finding\n    path: str\n" in result.out
    assert "    severity: 'error' | 'warning' | 'note'\n" in result.out
    assert "  Position\n    line: int\n" in result.out


def test_a_hook_to_show_must_be_named(shell: Shell) -> None:
    result = shell.run("hooks", "show")

    assert result.status == 2
    assert "lockgate hooks show HOOK" in result.err


@pytest.mark.parametrize(
    ("words", "told"),
    [(("--kind", "analyser"), "'analyzer'"), (("--state", "fine"), "choose from")],
)
def test_a_kind_or_state_that_is_none_is_refused(
    shell: Shell, words: tuple[str, ...], told: str
) -> None:
    result = shell.run("list", *words)

    assert result.status == 2
    assert told in result.err


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_hook_can_be_listed(shell: Shell, kind: str) -> None:
    assert shell.run("list", "--kind", kind).status == 0


def test_config_says_where_each_value_came_from(shell: Shell) -> None:
    (shell.work / "lockgate.toml").write_text('disabled = ["acme"]\n')

    rows = {
        row["key"]: row
        for row in shell.run("--set", "timeout=9", "config", "--json").json["settings"]
    }

    assert rows["timeout"] == {
        "key": "timeout",
        "value": 9.0,
        "origin": "--set timeout",
    }
    assert rows["disabled"]["origin"] == str(shell.work / "lockgate.toml")
    assert rows["color"]["origin"] == "default"


def test_config_path_and_validate(shell: Shell) -> None:
    (shell.work / "lockgate.toml").write_text("timeot = 1\n")

    wrong = shell.run("config", "validate")

    assert shell.run("config", "path", "--json").json["project-file"] == str(
        shell.work / "lockgate.toml"
    )
    assert wrong.status == 2
    assert "lockgate.toml:1 (timeot)" in wrong.err
    (shell.work / "lockgate.toml").unlink()
    assert shell.run("config", "validate", "--json").json == {"valid": True}
    assert "config.toml (not there)" in shell.run("config", "path").out


SCHEMA = """
[config-schema.properties.token]
type = "string"

[config-schema.properties.width]
type = "integer"
default = 88
description = "How wide."
"""


def test_a_plugins_settings_are_shown_and_judged_and_no_secret_is(
    shell: Shell,
) -> None:
    shell.site.wheel("acme", manifest=manifest_text("acme", extra=SCHEMA))
    user = shell.home / ".config/lockgate/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text('[plugins.acme]\ntoken = { secret = "bank" }\nwidth = "wide"\n')
    value = {"LOCKGATE_SECRET_BANK": "hunter2hunter2"}

    info = shell.run("info", "acme", **value)
    data = shell.run("info", "acme", "--json", **value).json
    wrong = shell.run("config", "validate", **value)
    config = shell.run("config", **value)

    assert f"token (string) = (secret bank) from {user}:2" in info.out
    assert "wrong setting" in info.out
    rows = {row["key"]: row for row in data["config"]}
    assert rows["width"] == {
        "key": "width",
        "type": "integer",
        "description": "How wide.",
        "default": 88,
        "required": False,
        "declared": True,
        "value": "wide",
        "source": str(user),
        "line": 3,
    }
    assert data["config-problem"]["key"] == "plugins.acme.width"
    assert wrong.status == 2
    assert f"{user}:3 (plugins.acme.width)" in wrong.err
    assert "(secret bank)" in config.out
    told = info.out + json.dumps(data) + wrong.err + config.out + config.err
    assert "hunter2" not in told


def test_a_disabled_plugin_is_listed_as_such(shell: Shell) -> None:
    shell.site.wheel("acme")
    (shell.work / "lockgate.toml").write_text('disabled = ["acme"]\n')

    assert shell.names()["acme"] == "disabled"


def checks(shell: Shell, *options: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for check in shell.run("doctor", "--json", *options).json["checks"]:
        found.setdefault(check["name"], []).append((check["state"], check["message"]))
    return found


def test_doctor_looks_at_python_settings_sandbox_index_grants_and_plugins(
    shell: Shell,
) -> None:
    shell.site.wheel("torn", manifest="x")

    result = shell.run("doctor", "--json")
    names = {check["name"] for check in result.json["checks"]}

    assert result.status == 1
    assert {"python", "settings", "index", "grants", "plugins", "plugin torn"} <= names
    assert {
        f"sandbox {t}" for t in ("read-only", "basic", "elevated", "admin")
    } <= names


def test_doctor_works_with_wrong_settings(shell: Shell) -> None:
    (shell.work / "lockgate.toml").write_text("timeot = 1\n")

    state, message = checks(shell)["settings"][0]

    assert state == "problem"
    assert "unknown setting" in message


def test_doctor_mends_a_damaged_index(shell: Shell) -> None:
    shell.run("list")
    cache = shell.home / ".cache/lockgate"
    foreign = cache / "discovery-00000000.json"
    foreign.write_bytes(b"damaged")

    assert checks(shell)["index"][0][0] == "warning"
    assert foreign.exists()
    assert checks(shell, "--fix")["index"][0] == (
        "ok",
        f"mended: {foreign} is damaged; it is not used",
    )
    assert not foreign.exists()


@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_doctor_mends_grants_that_others_can_write(shell: Shell, mode: int) -> None:
    grants = shell.home / ".config/lockgate/grants.toml"
    grants.parent.mkdir(parents=True)
    grants.write_text("")
    grants.chmod(mode)

    assert checks(shell)["grants"][0][0] == "problem"
    assert checks(shell, "--fix")["grants"][0][0] == "ok"
    assert grants.stat().st_mode & 0o777 == 0o600


def test_doctor_does_not_touch_grants_of_somebody_else(shell: Shell) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    grants = shell.home / ".config/lockgate/grants.toml"
    grants.parent.mkdir(parents=True)
    grants.write_text("")
    os.chown(grants, 12345, 12345)

    assert checks(shell, "--fix")["grants"][0][0] == "problem"
    assert grants.stat().st_uid == 12345


def test_doctor_counts_no_plugin_whose_code_does_not_fit(shell: Shell) -> None:
    before = checks(shell)["plugins"][0][1]
    shell.site.wheel("acme", files={"acme/__init__.py": "def transform(wood): ..."})
    found = checks(shell)

    (usable, total) = (int(word) for word in before.split()[::2][:2])
    assert [state for state, _ in found["plugin acme"]] == ["problem"]
    assert found["plugins"] == [("ok", f"{usable} of {total + 1} can be used")]


def test_doctor_names_a_program_that_is_not_there(shell: Shell) -> None:
    extra = (
        '[[rights.tools]]\nname = "no-such-tool"\nreason = "does it"\n'
        '[[rights.programs]]\nname = "nix"\ndistribution = "nix-dist"\n'
        'file = "bin/nix"\n'
    )
    text = manifest_text("acme", tier='"admin"', extra=extra)
    shell.site.wheel("acme", manifest=text)

    told = [message for _, message in checks(shell)["programs"]]

    assert any("no-such-tool" in message for message in told)
    assert any("nix-dist" in message for message in told)


def test_hooks_show_says_in_which_order_and_why(shell: Shell) -> None:
    for name, wishes in (("alpha", 'after = ["beta"]'), ("beta", ""), ("gamma", "")):
        hooks = f'[hooks.transform]\nimpl = "{name}:transform"\n{wishes}\n'
        shell.site.wheel(name, manifest=manifest_text(name, extra=hooks))
    mine = ("--set", "hooks.transform.order=gamma")
    off = ("--set", "hooks.transform.disable=beta")

    shown = shell.run(*mine, *off, "hooks", "show", "transform", "--json").json
    text = shell.run(*mine, "hooks", "show", "transform").out

    assert shown["order"][:1] == [{"plugin": "gamma", "why": "the owner's order"}]
    assert {"plugin": "alpha", "why": "after beta"} in shown["order"]
    assert shown["disabled"] == ["beta"]
    assert "beta" not in shown["plugins"]
    rows = [line.split() for line in text.splitlines()]
    assert [*["order", "gamma", "the", "owner's", "order"]] in rows
    assert rows.index(["beta", "by", "name"]) < rows.index(["alpha", "after", "beta"])


def test_an_order_for_an_unknown_hook_is_refused(shell: Shell) -> None:
    wrong = shell.run("--set", "hooks.transfrom.order=a", "hooks")

    assert wrong.status == 2
    assert "--set hooks.transfrom.order" in wrong.err
    assert "'transform'" in wrong.err


def test_one_run_with_and_without_single_plugins(shell: Shell) -> None:
    shell.site.wheel("acme")
    shell.site.wheel("other")
    (shell.work / "lockgate.toml").write_text('disabled = ["acme"]\n')

    def states(*options: str, **environ: str) -> dict[str, str]:
        plugins = shell.run(*options, "list", "--json", **environ).json["plugins"]
        return {plugin["name"]: plugin["state"] for plugin in plugins}

    plain = states()
    assert (plain["acme"], plain["other"]) == ("disabled", "ok")
    switched = states("-p", "acme", "-p", "no:other")
    assert (switched["acme"], switched["other"]) == ("ok", "disabled")
    bare = states("-p", "other", LOCKGATE_DISABLE_AUTOLOAD="1")
    assert {name for name, state in bare.items() if state == "ok"} == {
        "other",
        "workflows",
        "marketplace",
    }
    unknown = shell.run("-p", "acem", "list")
    assert unknown.status == 2
    assert "acme" in unknown.err


def test_hooks_show_names_the_wrappers_and_what_they_lack(shell: Shell) -> None:
    hooks = '[hooks.transform]\nimpl = "around:f"\nwrapper = true\n'
    shell.site.wheel("around", manifest=manifest_text("around", extra=hooks))
    command = "lockgate grants grant around wrap:transform"

    before = shell.run("hooks", "show", "transform", "--json").json
    text = shell.run("hooks", "show", "transform").out
    assert shell.run(*command.split()[1:]).status == 0
    after = shell.run("hooks", "show", "transform", "--json").json

    assert before["wrappers"] == [
        {"plugin": "around", "why": "by name", "granted": False, "grant": command}
    ]
    assert f"not granted; to allow it: {command}" in text
    assert [wrapper["granted"] for wrapper in after["wrappers"]] == [True]
    assert "around" not in after["plugins"]
    assert "wraps         transform" in shell.run("info", "around").out


def test_what_a_plugin_keeps_is_listed_shown_and_cleared(shell: Shell) -> None:
    shell.site.wheel("acme")
    kept = shell.home / ".local/share/lockgate/plugins"
    for place in ("acme/acme", "gone/gone-dist"):
        (kept / place / "a").mkdir(parents=True, mode=0o700)
        (kept / place / "a/b.txt").write_text("12345")
    for folder in (kept, *kept.parents[:1], *kept.rglob("*")):
        if folder.is_dir():
            folder.chmod(0o700)

    listed = {row["plugin"]: row for row in shell.run("data", "--json").json["data"]}
    shown = shell.run("data", "show", "acme")
    files = shell.run("data", "show", "acme", "--json").json["files"]

    assert {name: row["installed"] for name, row in listed.items()} == {
        "acme": True,
        "gone": False,
    }
    assert listed["acme"]["files"] == 1
    assert listed["acme"]["bytes"] == 4096
    assert f"In {kept / 'acme/acme'}:" in shown.out
    assert [(file["path"], file["size"]) for file in files] == [("a/b.txt", 5)]
    assert shell.run("data", "clear", "gone", "--json").json["removed"] == 1
    assert not (kept / "gone").exists()
    assert (kept / "acme/acme/a/b.txt").exists()
    assert shell.run("data", "show", "nobody").status == 2
    assert "clear whose" in shell.run("data", "clear").err
    (kept / "acme").chmod(0o777)
    refused = shell.run("data", "show", "acme")
    assert refused.status == 2
    assert "another user could write there" in refused.err


def test_in_safe_mode_only_the_trusted_base_is_shown_as_usable(shell: Shell) -> None:
    shell.site.wheel("acme")

    found = shell.run("--safe", "list", "--json").json["plugins"]
    info = shell.run("--safe", "info", "acme").out

    usable = {p["name"] for p in found if p["state"] == "ok"}
    assert usable == {"marketplace", "workflows"}
    assert "state         disabled" in info
    assert "safe mode" in info
    assert shell.names()["acme"] == "ok"


def test_the_tier_that_is_shown_is_the_one_that_it_runs_at(shell: Shell) -> None:
    extra = '[rights]\nnet = ["example.org"]\n'
    text = manifest_text("acme", tier='"elevated"', extra=extra)
    shell.site.wheel("acme", manifest=text)

    def tiers() -> tuple[str, str]:
        row = next(
            p
            for p in shell.run("list", "--json").json["plugins"]
            if p["name"] == "acme"
        )
        return row["tier"], row["effective-tier"]

    assert tiers() == ("elevated", "basic")
    assert "tier          basic (asks for elevated)" in shell.run("info", "acme").out
    assert "basic (asks for elevated)" in shell.run("list").out
    first = shell.run("grants", "grant", "acme", "net:example.org")
    assert "stays at tier basic, where net:example.org is of no use" in first.out
    command = first.out.rstrip().rpartition("lockgate ")[2]
    second = shell.run(*command.split())
    assert (second.status, "stays at tier" in second.out) == (0, False)
    assert tiers() == ("elevated", "elevated")


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (("list", "--jsno"), "no option '--jsno' in `lockgate list`", "'--json'"),
        (("grants", "show", "--jon"), "in `lockgate grants show`", "'--json'"),
        (("list", "--xyzzy=4"), "no option '--xyzzy'", "Try: lockgate list --help"),
        (("info", "a", "b"), "no place for 'b'", "Try: lockgate info --help"),
    ],
)
def test_a_mistyped_option_is_told_with_the_nearest(
    shell: Shell, words: tuple[str, ...], said: str, hint: str
) -> None:
    result = shell.run(*words)

    assert result.status == 2
    assert said in result.err
    assert hint in result.err
