"""``lockgate install NAME``: from an index to an answer, the whole way."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.cli import _consent
from lockgate_marketplace.identity import WheelFile, sign
from tests.support.dists import SitePackages, manifest_text
from tests.support.indexes import LoopbackIndex, Published, loopback_index
from tests.support.market import Home, beside, offered, show_manifest
from tests.support.servers import reply

pytestmark = pytest.mark.kernel


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings."""
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


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


RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


def asking(index: LoopbackIndex, version: str = "1.0") -> Published:
    """A release that wants something."""
    return offered(index, version=version, tier="elevated", extra=RIGHTS, code=USES)


def incoming(home: Home) -> list[str]:
    return [path.name for path in (home.data / "cache" / "incoming").glob("*/*")]


def test_an_upgrade_by_name_keeps_what_was_granted(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    home.json("install", "acme", "--grant-all")
    asking(main, "1.1")

    found = home.json("install", "acme")

    assert (found["status"], found["version"]) == (0, "1.1")
    assert {right["change"] for right in found["rights"]} == {"held"}
    (pin,) = home.json("trust", "show")["publishers"]
    assert pin["version"] == "1.1"


def test_without_consent_nothing_is_pinned_and_nothing_is_fetched_twice(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "consent-needed"
    assert home.files() == set()
    assert home.json("trust", "show")["publishers"] == []
    assert incoming(home) == ["acme-1.0-py3-none-any.whl"]

    found = home.json("install", "acme", "--grant-all")

    assert found["installed"]
    assert incoming(home) == []
    assert len(main.asked("/files/acme-1.0-py3-none-any.whl")) - len(
        main.asked(".whl.metadata")
    ) == len(["one download"])


def test_a_file_that_was_tampered_with_while_it_waited_is_not_taken(
    home: Home, main: LoopbackIndex
) -> None:
    asking(main)
    home.json("install", "acme")
    (waiting,) = (home.data / "cache" / "incoming").glob("*/*")
    waiting.write_bytes(waiting.read_bytes() + b"x")

    assert home.json("install", "acme", "--grant-all")["installed"]


def test_who_made_it_stands_beside_what_it_wants(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    main.add("needed", files={"needed/__init__.py": ""})
    offered(main, tier="elevated", extra=RIGHTS, code=USES, requires=("needed",))

    def yes(question: str) -> bool:
        return bool(question)

    monkeypatch.setattr(_consent, "is_terminal", lambda: True)
    monkeypatch.setattr(_consent, "confirm", yes)

    status, out, err = home.run("install", "acme")

    assert status == 0
    assert "from the index main, by nobody (no proof)" in err
    assert "env:LANG" in err
    assert "needed 1.0" in err
    assert "Installed acme 1.0 (generation 1)." in out


def test_who_was_overtaken_pins_nothing(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking(main)
    asking(main, "1.1")

    def meanwhile(question: str) -> bool:
        return bool(home.json("install", "acme==1.0", "--grant-all")) or bool(question)

    monkeypatch.setattr(_consent, "is_terminal", lambda: True)
    monkeypatch.setattr(_consent, "confirm", meanwhile)

    status, _, err = home.run("install", "acme")

    assert status == 3
    assert "meanwhile" in err
    (pin,) = home.json("trust", "show")["publishers"]
    assert pin["version"] == "1.0"


def test_a_plugin_of_another_index_is_asked_for_anew(
    home: Home, main: LoopbackIndex
) -> None:
    """Nothing proves that it is the same author's."""
    asking(main)
    home.json("install", "acme", "--grant-all")
    with loopback_index() as other:
        asking(other, "1.1")
        home.indexes(main=main, other=other)

        refused = home.json("install", "acme", "--index", "other")

        assert refused["error"]["code"] == "consent-needed"
        assert set(refused["error"]["asked"]) == {"tier:elevated", "env:LANG"}
        _, out, _ = home.run("install", "other/acme", "--dry-run")
        assert "so far it came from main" in out


def test_a_name_that_was_a_files_is_asked_for_anew(
    home: Home, main: LoopbackIndex
) -> None:
    """Somebody may have taken it on the index meanwhile."""
    file = home.root / asking(main, "1.0").filename
    file.write_bytes(main.file("acme", "1.0").content)
    home.json("install", str(file), "--grant-all")
    asking(main, "1.1")

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "consent-needed"
    assert home.answer() == "1.0"


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
    with os.fdopen(ours, "rb", buffering=0) as screen:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stderr=theirs,
            stdout=subprocess.PIPE,
            check=False,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        shown = screen.read(1 << 16).decode()

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


KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)


def signature(published: Published) -> bytes:
    return sign(WheelFile(published.filename, published.sha256), KEY)


def test_a_signed_plugin_stays_its_publishers(home: Home, main: LoopbackIndex) -> None:
    """Also when it comes as a file, where the proof lies beside it."""
    first = offered(main)
    beside(main, first, "signature", ".signature", signature(first))
    found = home.json("install", "acme")
    assert found["by"]["kind"] == "key"
    assert "seen for the first time" in found["wheels"][0]["by"]

    later = offered(main, version="1.1")
    file = home.root / later.filename
    file.write_bytes(later.content)
    refused = home.json("install", str(file))
    assert (refused["status"], refused["error"]["code"]) == (3, "identity-lost")
    assert home.answer() == "1.0"

    file.with_name(f"{file.name}.signature").write_bytes(signature(first))
    refused = home.json("install", str(file))
    assert refused["error"]["code"] == "identity-invalid"

    file.with_name(f"{file.name}.signature").write_bytes(signature(later))
    found = home.json("install", str(file))
    assert "as before" in found["wheels"][0]["by"]
    assert home.answer() == "1.1"


def test_a_signed_file_is_remembered_too(home: Home, main: LoopbackIndex) -> None:
    first = offered(main)
    file = home.root / first.filename
    file.write_bytes(first.content)
    file.with_name(f"{file.name}.signature").write_bytes(signature(first))
    home.json("install", str(file))

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "identity-lost"


def test_a_change_of_hands_that_is_right_is_said_once(
    home: Home, main: LoopbackIndex
) -> None:
    first = offered(main)
    beside(main, first, "signature", ".signature", signature(first))
    home.json("install", "acme")
    offered(main, version="1.1")
    assert home.json("install", "acme")["status"] == 3

    home.json("trust", "forget", "acme", "--index", "main")

    assert home.json("install", "acme")["version"] == "1.1"


def test_the_manifest_that_the_index_shows_must_be_the_wheels(
    home: Home, main: LoopbackIndex
) -> None:
    extra = '[rights]\nenv = ["LANG"]\n'
    uses = 'import os\nos.environ["LANG"]\n'
    published = offered(main, tier="elevated", extra=extra, code=uses)
    show_manifest(main, published, manifest_text("acme"))

    refused = home.json("install", "acme", "--grant-all")

    assert (refused["status"], refused["error"]["code"]) == (
        3,
        "resolve-manifest-differs",
    )
    assert home.files() == set()

    text = manifest_text("acme", tier='"elevated"', extra=extra)
    show_manifest(main, published, text)
    assert home.json("install", "acme", "--grant-all")["installed"]


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


def checks(monkeypatch: pytest.MonkeyPatch, **levels: str) -> None:
    for name, level in levels.items():
        key = f"LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__{name.upper()}"
        monkeypatch.setenv(key, level)


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


def test_a_proof_is_asked_for_as_its_owner_says(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(main)

    def tried() -> Any:
        return home.json("install", "acme", "--dry-run")

    bare = tried()
    checks(monkeypatch, proof="note")
    noted = tried()
    checks(monkeypatch, proof="stop")
    stopped = tried()
    home.indexes(main=f'url = "{main.url}"\nproof = false')
    trusted = tried()
    checks(monkeypatch, proof="off")
    home.indexes(main=f'url = "{main.url}"\nproof = true')
    demanded = tried()

    assert (bare["status"], bare["warnings"]) == (0, [])
    assert noted["warnings"] == ["nothing proves who made acme 1.0"]
    assert stopped["error"]["code"] == "identity-unproven"
    assert (trusted["status"], trusted["warnings"]) == (0, [])
    assert demanded["error"]["code"] == "identity-unproven"


def test_what_is_needed_and_not_there_is_told_by_who_needs_it(
    home: Home, main: LoopbackIndex
) -> None:
    offered(main, requires=("needed>=1",))

    refused = home.json("install", "acme")["error"]

    assert refused["code"] == "fetch-missing"
    assert refused["message"] == "acme needs needed, and the index main has none"
    assert "`dependencies` in [plugins.marketplace.indexes.main]" in refused["hint"]


@pytest.mark.parametrize("what", ["provenance", "signature"])
@pytest.mark.parametrize("how", ["empty", "not modified"])
def test_a_proof_that_is_named_and_comes_empty_is_not_none(
    home: Home, main: LoopbackIndex, what: str, how: str
) -> None:
    """Else whoever runs the index could make any release one that nobody proved."""
    made = offered(main)
    beside(main, made, what, f".{what}", b"")
    if how == "not modified":
        path = f"/files/{made.filename}.{what}"
        main.answers[path] = lambda _: reply(b"", "304 Not Modified")

    refused = home.json("install", "acme")

    expected = "fetch-missing" if how == "empty" else "fetch-status"
    assert refused["error"]["code"] == expected
    assert home.files() == set()


@pytest.mark.parametrize("suffix", [".provenance", ".signature"])
def test_an_empty_file_beside_a_wheel_is_no_proof_and_not_none(
    home: Home, suffix: str
) -> None:
    wheel = home.wheel()
    Path(wheel + suffix).touch()

    assert home.json("install", wheel)["error"]["code"] == "identity-malformed"
