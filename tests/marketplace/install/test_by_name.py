"""``lockgate install NAME``: from an index to an answer, the whole way."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.marketplace.install.named import asking, checks, incoming
from tests.support.dists import SitePackages, manifest_text
from tests.support.indexes import LoopbackIndex
from tests.support.market import Home, offered
from tests.support.servers import reply
from tests.support.terminals import all_shown

pytestmark = pytest.mark.kernel


def test_a_name_becomes_an_answer(home: Home, main: LoopbackIndex) -> None:
    main.add("needed", "2.0", files={"needed/__init__.py": "VALUE = 5\n"})
    offered(main, requires=("needed>=1", "lockgate"))

    found = home.json("install", "acme")

    assert found["status"] == 0, found
    assert (found["plugin"], found["version"], found["index"]) == (
        "acme",
        "1.0",
        "main",
    )
    assert [wheel["filename"][:4] for wheel in found["wheels"]] == ["acme", "need"]
    assert home.answer() == "1.0"
    assert not list((home.data / "cache" / "incoming").glob("*/*"))
    pins = home.json("trust", "show")["publishers"]
    assert [(p["name"], p["index"], p["version"]) for p in pins] == [
        ("acme", "main", "1.0"),
        ("needed", "main", "2.0"),
    ]


def test_an_older_one_is_installed_if_it_is_meant(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    offered(main, version="1.1")
    home.json("install", "acme")

    assert home.json("install", "acme==1.0")["version"] == "1.0"
    assert home.json("install", "acme")["version"] == "1.1"


def test_what_is_there_already_makes_no_generation(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    home.json("install", "acme", "--no-rights")
    before = home.files()

    status, out, _ = home.run("install", "acme", "--no-rights")
    assert (status, home.files()) == (0, before)
    assert "acme 1.0 is installed already (generation 1)." in out
    home.json("install", "acme", "--grant-all")

    assert home.files() == before, "rights are no part of a generation"
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["state"] for row in rows} == {"granted"}, "given all the same"


def test_several_are_installed_together_or_not_at_all(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main)
    offered(main, "bolt", requires=("missing",))

    refused = home.json("install", "acme", "bolt")
    assert refused["error"]["code"] == "fetch-missing"
    assert home.files() == set()

    main.add("missing", files={"missing/__init__.py": ""})
    found = home.json("install", "acme", "bolt>=1")
    assert [row["plugin"] for row in found["plugins"]] == ["acme", "bolt"]
    assert found["generation"] == 1
    assert home.answer() == "1.0"


@pytest.mark.parametrize(
    ("version", "how", "flag"),
    [
        ("1.0rc1", {}, "--pre"),
        ("1.0", {"uploaded": datetime.now(UTC)}, "--no-cooldown"),
    ],
)
def test_the_owner_may_want_what_is_left_out(
    home: Home, main: LoopbackIndex, version: str, how: dict[str, Any], flag: str
) -> None:
    offered(main, version=version, **how)
    home.indexes(main=f'url = "{main.url}"')

    refused = home.json("install", "acme")
    assert refused["error"]["code"] == "resolve-no-candidate"
    assert flag in refused["error"]["hint"]

    assert home.json("install", "acme", flag)["installed"]


def test_a_name_may_be_right_though_it_is_close_to_another(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, "reqeusts")

    assert home.json("install", "reqeusts", "--name-is-right")["installed"]
    assert home.json("install", "reqeusts")["installed"], "it is known now"


def test_a_dry_run_by_name_leaves_nothing(home: Home, main: LoopbackIndex) -> None:
    offered(main)

    status, out, err = home.run("install", "acme", "--dry-run")

    assert (status, err) == (0, ""), "quiet in a pipe"
    assert "could be installed" in out
    assert home.files() == set()
    assert incoming(home) == []
    assert home.json("trust", "show")["publishers"] == []


@pytest.mark.slow
def test_a_terminal_sees_how_far_it_is(home: Home, main: LoopbackIndex) -> None:
    offered(main, code=f"DATA = {'x' * 300_000!r}\n")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lockgate", "install", "acme"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stderr=theirs,
        stdout=subprocess.PIPE,
        check=False,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    shown = all_shown(ours).decode()

    assert done.returncode == 0
    assert b"Installed acme 1.0" in done.stdout
    assert "installing" in shown


def test_a_right_that_none_asks_for_is_not_granted(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    offered(main, "bolt")

    refused = home.json("install", "acme", "bolt", "--grant", "net:evil.example")
    assert refused["error"]["code"] == "consent-unknown-right"

    words = ("--grant", "env:LANG", "--grant", "tier:elevated")
    found = home.json("install", "acme", "bolt", *words)
    assert [len(row["rights"]) for row in found["plugins"]] == [2, 0]
    assert all(right["granted"] for right in found["plugins"][0]["rights"])


def test_files_and_names_do_not_mix(home: Home) -> None:
    refused = home.json("install", home.wheel(), "acme")

    assert refused["status"] == 2


def test_a_plugins_name_for_its_projects_is_answered_with_the_project(
    home: Home, main: LoopbackIndex
) -> None:
    text = manifest_text("wordy", package="lockgate_wordy")
    main.add("lockgate-wordy", manifest=text, plugin="wordy")
    main.answers["/catalog.json"] = lambda _: reply(b"", "404 Not Found")

    by_custom = home.json("install", "wordy")["error"]
    spelt = home.json("install", "odd-projcet")["error"]
    row = {"name": "wordy", "project": "odd-project"}
    catalog = json.dumps({"plugins": [row]}).encode()
    kind = ("Content-Type: application/json",)
    main.answers["/catalog.json"] = lambda _: reply(catalog, headers=kind)
    by_catalog = home.json("why", "main/wordy")["plugins"][0]["error"]
    before = len(main.requests)
    nowhere = home.json("install", "nothing-like-it")["error"]
    asked = len(main.requests) - before
    near = home.json("install", "odd-projcet")["error"]
    assert len(main.requests) - before == 2 * asked  # no more is asked for the hint

    assert (by_custom["code"], by_catalog["code"]) == ("fetch-missing",) * 2
    assert "ask for main/lockgate-wordy" in by_custom["hint"]
    assert "ask for main/odd-project" in by_catalog["hint"]
    assert "Check the spelling" in nowhere["hint"]
    assert "Check the spelling" in spelt["hint"]  # the index tells no names
    assert near["code"] == "fetch-missing"
    assert near["hint"] == "Did you mean 'odd-project'?"
    found = home.json("search", "odd-projcet")
    assert (found["status"], found["plugins"]) == (0, [])
    assert found["indexes"][0]["hint"] == "Did you mean 'odd-project'?"
    assert "main: Did you mean 'odd-project'?" in home.run("search", "odd-projcet")[1]


@pytest.mark.parametrize("status", ["deprecated", "archived"])
def test_what_its_index_says_of_a_whole_project_is_told(
    home: Home, main: LoopbackIndex, status: str
) -> None:
    offered(main)
    main.project("acme").status = {"status": status, "reason": "use lamp \x1b[31m"}
    told = rf"{status}: use lamp \x1b[31m"

    found = home.json("install", "acme")
    (row,) = home.json("outdated")["plugins"]
    (why,) = home.json("why", "acme")["plugins"][0]["would-install"]

    assert found["warnings"] == [f"main says that acme is {told}"]
    assert (row["status"], row["outdated"]) == (told, False)
    assert why["status"] == told
    assert f"which said then: {told}" in home.run("info", "acme")[1]
    assert home.json("info", "acme")["origin"]["status"] == told
    assert f"its index says that it is {told}" in home.run("outdated")[1]
    assert f"its index says that it is {told}" in home.run("why", "acme")[1]


def test_an_editable_copy_that_it_takes_the_place_of_is_named(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = home.root / "site-packages"
    SitePackages(site).editable("acme", home.root / "work", style="pth")
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    offered(main, version="1.1")

    status, told, _ = home.run("install", "acme")
    (row,) = [p for p in home.json("list")["plugins"] if p["stored"]]

    source = home.root / "work" / "src"
    assert status == 0
    assert f"takes the place of the editable copy in {source}" in told
    assert (row["name"], row["version"], row["state"]) == ("acme", "1.1", "ok")
    home.run("uninstall", "acme")
    assert [
        p["editable"] for p in home.json("list")["plugins"] if p["name"] == "acme"
    ] == [True]


def test_the_cooldown_is_as_firm_as_its_owner_says(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.indexes(main=f'url = "{main.url}"')
    offered(main, uploaded=datetime.now(UTC))

    def tried(*words: str) -> Any:
        return home.json("install", "acme", "--dry-run", *words)

    checks(monkeypatch, cooldown="required")
    firm = tried("--no-cooldown")
    checks(monkeypatch, cooldown="stop")
    stopped, hasty = tried(), tried("--no-cooldown")
    checks(monkeypatch, cooldown="note")
    noted, (row,) = tried(), home.json("why", "acme")["plugins"]
    checks(monkeypatch, cooldown="off")
    silent = tried()

    assert firm["error"]["code"] == stopped["error"]["code"] == "resolve-no-candidate"
    assert "--no-cooldown" in stopped["error"]["hint"]
    assert "required" in firm["error"]["hint"]
    assert (hasty["status"], hasty["warnings"]) == (0, [])
    assert noted["status"] == 0
    assert "less than 3 days ago" in noted["warnings"][0]
    assert row["would-install"][0]["version"] == "1.0"
    assert (silent["status"], silent["warnings"]) == (0, [])


def test_what_is_needed_and_not_there_is_told_by_who_needs_it(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, requires=("needed>=1",))

    refused = home.json("install", "acme")["error"]

    assert refused["code"] == "fetch-missing"
    assert refused["message"] == "acme needs needed, and the index main has none"
    assert "`dependencies` in [plugins.marketplace.indexes.main]" in refused["hint"]
