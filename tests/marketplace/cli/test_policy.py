"""``--policy`` and ``consent-policy``: consent that its owner wrote down beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import WheelFile, key_identity, sign
from tests.marketplace.install.named import RIGHTS, USES, asking
from tests.marketplace.lock.test_hostile_locks import locked, plugin, synced, write
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

ACME = """schema = 1

[[allow]]
project = "acme"
index = "main"
tier = "elevated"
rights = ["env:LANG"]
"""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BOTH = {"env:LANG", "tier:elevated"}


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings."""
    with loopback_index() as index:
        home.indexes(main=index)
        yield index


@pytest.fixture
def policy(home: Home) -> Path:
    """The owner's policy, in a folder of its own."""
    file = home.root / "mine" / "consent.toml"
    file.parent.mkdir(mode=0o700)
    file.write_text(ACME)
    file.chmod(0o600)
    return file


def granted(home: Home) -> dict[str, str]:
    rows = home.json("grants", "show", "acme")["rights"]
    return {row["right"]: row["by"] for row in rows if row["state"] == "granted"}


def refused(home: Home, *words: str, status: int = 3) -> Any:
    found = home.json("install", "acme", *words)
    assert found["status"] == status, found
    return found["error"]


@pytest.mark.parametrize("how", ["option", "settings", "environment"])
def test_what_the_policy_allows_is_granted_without_asking(
    home: Home,
    main: LoopbackIndex,
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    asking(main)
    assert refused(home)["code"] == "consent-needed"
    words = ["--policy", str(policy)] if how == "option" else []
    if how == "settings":
        file = home.root / "CONFIG" / "lockgate" / "config.toml"
        file.write_text(f'consent-policy = "{policy}"\n{file.read_text()}')
    elif how == "environment":
        monkeypatch.setenv("LOCKGATE_CONSENT_POLICY", str(policy))

    found = home.json("install", "acme", *words)

    by = f"policy {policy}, rule 1"
    assert found["status"] == 0, found
    assert {row["right"]: row["by"] for row in found["rights"]} == dict.fromkeys(
        BOTH, by
    )
    assert granted(home) == dict.fromkeys(BOTH, by)
    logs = (home.root / "STATE/lockgate/logs/acme.host.jsonl").read_text().splitlines()
    told = [json.loads(line)["message"] for line in logs]
    assert told == [f"grant {key} by the {by}" for key in sorted(BOTH)]
    text = home.run("grants", "show", "acme")[1]
    assert f"by the {by}" in text
    taken = home.run("grants", "revoke", "acme", "env:LANG")[1]
    assert f"given by the {by}, which may give it again" in taken


def test_what_it_does_not_allow_is_asked_for_and_all_waits(
    home: Home, main: LoopbackIndex, policy: Path
) -> None:
    extra = '[rights]\nenv = ["LANG", "HOME"]\n'
    code = USES + 'os.environ["HOME"]\n'
    offered(main, tier="elevated", extra=extra, code=code)

    error = refused(home, "--policy", str(policy))

    assert (error["code"], error["asked"]) == ("consent-needed", ["env:HOME"])
    assert home.files() == set()
    words = ("--policy", str(policy), "--grant", "env:HOME")
    assert home.json("install", "acme", *words)["status"] == 0
    by = f"policy {policy}, rule 1"
    assert granted(home) == {**dict.fromkeys(BOTH, by), "env:HOME": "owner"}


def test_the_word_of_the_moment_goes_before_it(
    home: Home, main: LoopbackIndex, policy: Path
) -> None:
    asking(main)

    home.json("install", "acme", "--policy", str(policy), "--no-rights")
    assert granted(home) == {}

    home.json("install", "acme", "--policy", str(policy), "--grant-all")
    assert granted(home) == dict.fromkeys(BOTH, "owner")


def test_an_upgrade_is_not_staged_for_what_the_policy_allows(
    home: Home, main: LoopbackIndex, policy: Path
) -> None:
    offered(main)
    home.json("install", "acme")
    asking(main, "1.1")
    assert home.json("upgrade", "acme")["plugins"][0]["state"] == "staged"

    (row,) = home.json("upgrade", "acme", "--policy", str(policy))["plugins"]

    assert (row["state"], home.answer()) == ("upgraded", "1.1")
    by = dict.fromkeys(BOTH, f"policy {policy}, rule 1")
    assert granted(home) == by
    asking(main, "1.2")
    (row,) = home.json("upgrade", "acme")["plugins"]
    assert (row["state"], granted(home)) == ("upgraded", by)


def signed(path: Path) -> Path:
    file = WheelFile(path.name, sha256(path.read_bytes()).hexdigest())
    path.with_name(path.name + ".signature").write_bytes(sign(file, KEY))
    return path


def test_sync_grants_what_the_policy_allows_to_whom_it_means(
    home: Home, policy: Path
) -> None:
    subject = key_identity(KEY.public_key()).subject
    policy.write_text(
        f'schema = 1\n[[allow]]\npublisher = "ed25519:{subject}"\n'
        'tier = "elevated"\nrights = ["env:LANG"]\n'
    )
    acme = plugin(home, "acme", tier="elevated", extra=RIGHTS, code=USES)
    write(home, (("acme",), [acme]))

    # What a project claims of its wheel is no proof.
    found = synced(home, "--policy", str(policy), "--dry-run")
    assert found["granted"] == {}
    signed(acme)
    assert synced(home, "--policy", str(policy))["status"] == 0

    by = dict.fromkeys(BOTH, f"policy {policy}, rule 1")
    assert granted(home) == by


def test_a_strangers_wheel_beside_a_proven_one_gets_nothing_by_sync(
    home: Home, policy: Path
) -> None:
    subject = key_identity(KEY.public_key()).subject
    rule = f'publisher = "ed25519:{subject}"\ntier = "elevated"\nrights = ["env:LANG"]'
    policy.write_text(f"schema = 1\n[[allow]]\n{rule}\n")
    how = {"tier": "elevated", "extra": RIGHTS, "code": USES}
    acme = signed(plugin(home, "acme", requires=("needed",), **how))
    needed = plugin_less(home, "needed")
    write(home, (("acme",), [acme, needed]))

    found = synced(home, "--policy", str(policy))
    assert (found["status"], found["granted"], granted(home)) == (0, {}, {})

    # What would have happened if the plugin's own proof were enough.
    hashes = [locked(acme).sha256, locked(needed).sha256]
    policy.write_text(f"schema = 1\n[[allow]]\n{rule}\nwheels = {json.dumps(hashes)}\n")
    home.run("uninstall", "acme")
    assert synced(home, "--policy", str(policy))["granted"]


def test_sync_grants_by_the_index_that_it_fetched_from_not_by_the_locks_word(
    home: Home, main: LoopbackIndex, policy: Path
) -> None:
    asking(main)
    home.json("install", "acme", "--grant-all")
    home.run("lock")
    for words in (("uninstall", "acme"), ("grants", "revoke", "acme", "--all")):
        home.run(*words)
    home.run("gc", "--keep", "1")
    (wheel,) = [made.content for made in main.project("acme").files]
    folder = home.root / "folder"
    folder.mkdir()
    (folder / main.file("acme", "1.0").filename).write_bytes(wheel)
    named = ("--policy", str(policy))

    by_hand = home.json("sync", "--wheels", str(folder), *named, "--dry-run")
    fetched = home.json("sync", *named)

    assert by_hand["granted"] == {}, "the lock says that it is the index's"
    assert fetched["granted"] == {
        "acme": dict.fromkeys(sorted(BOTH), f"policy {policy}, rule 1")
    }
    assert granted(home) == dict.fromkeys(BOTH, f"policy {policy}, rule 1")


def plugin_less(home: Home, name: str) -> Path:
    return forge_file(home.root, name, "1.0", files={f"{name}/__init__.py": ""})


def test_a_project_cannot_bring_a_policy_along(
    home: Home,
    main: LoopbackIndex,
    policy: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking(main)
    project = home.root / "cloned"
    project.mkdir()
    monkeypatch.chdir(project)
    for name in ("consent.toml", "lockgate-consent.toml", ".lockgate/consent.toml"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(ACME)
    assert refused(home)["code"] == "consent-needed"

    (project / "lockgate.toml").write_text(f'consent-policy = "{policy}"\n')
    assert "project file must not" in refused(home, status=2)["message"]
    (project / "lockgate.toml").unlink()
    text = f'[tool.lockgate]\nconsent-policy = "{policy}"\n'
    (project / "pyproject.toml").write_text(text)
    assert "project file must not" in refused(home, status=2)["message"]
    (project / "pyproject.toml").unlink()

    monkeypatch.setenv("LOCKGATE_CONSENT_POLICY", "consent.toml")
    found = home.run("install", "acme")
    assert (found[0], "absolute path" in found[2]) == (2, True), found
    monkeypatch.delenv("LOCKGATE_CONSENT_POLICY")

    # Whoever names it has said so.
    (project / "consent.toml").chmod(0o600)
    assert home.json("install", "acme", "--policy", "consent.toml")["status"] == 0


HOW = ["world", "group", "link", "folder-link", "folder", "data", "fifo", "absent"]


@pytest.mark.parametrize("how", HOW)
def test_a_policy_that_others_could_write_is_refused(
    home: Home, main: LoopbackIndex, policy: Path, how: str
) -> None:
    asking(main)
    named = policy
    if how in ("world", "group"):
        policy.chmod(0o666 if how == "world" else 0o660)
    elif how == "link":
        named = home.root / "link.toml"
        named.symlink_to(policy)
    elif how == "folder-link":
        (home.root / "link").symlink_to(policy.parent)
        named = home.root / "link" / policy.name
    elif how == "folder":
        policy.parent.chmod(0o777)
    elif how == "data":
        named = home.data / "plugins" / "consent.toml"
        named.parent.mkdir(parents=True)
        policy.rename(named)
    else:
        policy.unlink()
        if how == "fifo":
            os.mkfifo(policy, 0o600)

    error = refused(home, "--policy", str(named))

    assert (error["code"], error["where"]) == ("consent-policy", str(named))
    assert home.files() == set()
    assert not main.asked("/acme/")


def test_a_policy_that_a_plugin_may_write_is_refused(
    home: Home, main: LoopbackIndex, policy: Path
) -> None:
    extra = f'[rights]\nwrite = ["{policy.parent}"]\n'
    writer = plugin(home, "writer", tier="elevated", extra=extra)
    asking(main)
    home.json("install", str(writer), "--grant-all", "--accept-undeclared")

    error = refused(home, "--policy", str(policy))
    assert error["code"] == "consent-policy"
    assert "writer may write there" in error["message"]

    home.run("grants", "revoke", "writer", f"write:{policy.parent}")
    assert home.json("install", "acme", "--policy", str(policy))["status"] == 0


@pytest.mark.parametrize("option", ["--yes", "-y"])
def test_there_is_no_yes_to_everything_and_the_hint_says_what_there_is(
    home: Home, option: str
) -> None:
    hint = refused(home, option, status=2)["hint"]

    assert "--grant-all" in hint
    assert "--policy FILE" in hint
    assert "--pre" not in hint
