"""Consent: what is asked, what is granted, and what a change does to it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate._rights.file import GrantsFile
from lockgate.errors import GrantsError
from lockgate.grants import (
    Consent,
    Grant,
    Identity,
    Right,
    consent,
    grant_command,
    rights_asked,
    tier_missing,
)
from lockgate.manifest import parse_manifest
from lockgate.shipped import FirstParty, ShippedPolicy, shipped_policy
from tests.support.host_plugins import manifest_of

ME = Identity("tools", "test-tools", "1.0", "digest-1")
NOBODY = ShippedPolicy({})
ASKED = (
    Right("tier:admin"),
    Right("tool:avr-gcc", "reads /usr/lib/avr; compiles"),
    Right("env:TOKEN"),
)


def granted(*keys: str, identity: Identity = ME, any_version: bool = False) -> Grant:
    asked = {right.key: right.detail for right in ASKED}
    return Grant(identity, asked, frozenset(keys), any_version)


def decide(
    grant: Grant | None,
    *,
    identity: Identity = ME,
    asked: tuple[Right, ...] = ASKED,
    tier: str = "admin",
    shipped: ShippedPolicy = NOBODY,
) -> Consent:
    return consent(identity, asked, tier=tier, grant=grant, shipped=shipped)


def test_a_manifest_asks_for_each_of_its_rights() -> None:
    text = manifest_of(
        "tools",
        tier="admin",
        more="""
        [rights]
        read = ["/srv/data"]
        env = ["TOKEN"]
        workers = true
        [[rights.programs]]
        name = "ruff"
        distribution = "ruff"
        file = "bin/ruff"
        [[rights.tools]]
        name = "avr-gcc"
        read = ["/usr/lib/avr"]
        reason = "compiles"
        """,
    )
    manifest = parse_manifest(text.encode(), file="lockgate.toml", distribution="d")

    assert {right.key: right.detail for right in rights_asked(manifest)} == {
        "tier:admin": "",
        "read:/srv/data": "",
        "env:TOKEN": "",
        "workers": "",
        "program:ruff": "bin/ruff of ruff",
        "tool:avr-gcc": "reads /usr/lib/avr; compiles",
    }


def test_a_free_tier_without_rights_needs_no_consent() -> None:
    for tier in ("read-only", "basic"):
        text = manifest_of("plain", tier=tier)
        manifest = parse_manifest(text.encode(), file="lockgate.toml", distribution="d")

        assert rights_asked(manifest) == ()


def test_nothing_is_granted_from_the_start() -> None:
    given = decide(None)

    assert given.granted == frozenset()
    assert given.missing == ("tier:admin", "tool:avr-gcc", "env:TOKEN")
    assert (given.tier, given.source) == ("basic", "none")


def test_what_is_granted_is_there_and_the_rest_is_absent() -> None:
    given = decide(granted("tier:admin", "tool:avr-gcc"))

    assert given.granted == {"tier:admin", "tool:avr-gcc"}
    assert given.missing == ("env:TOKEN",)
    assert (given.tier, given.source) == ("admin", "owner")


def test_a_right_that_is_no_longer_asked_for_is_not_there() -> None:
    given = decide(granted("tier:admin", "env:TOKEN"), asked=ASKED[:1])

    assert given.granted == {"tier:admin"}


@pytest.mark.parametrize(
    "now",
    [
        Identity("tools", "test-tools", "1.1", "digest-1"),
        Identity("tools", "test-tools", "1.0", "digest-2"),
        Identity("tools", "other-dist", "1.0", "digest-1"),
    ],
    ids=["version", "digest", "distribution"],
)
def test_a_plugin_that_changed_must_be_granted_anew(now: Identity) -> None:
    given = decide(granted("tier:admin", "env:TOKEN"), identity=now)

    assert given.granted == frozenset()
    assert given.source == "stale"


def test_any_version_survives_a_change_that_asks_for_nothing_more() -> None:
    grant = granted("tier:admin", "env:TOKEN", any_version=True)
    later = Identity("tools", "test-tools", "2.0", "digest-9")

    assert decide(grant, identity=later).granted == {"tier:admin", "env:TOKEN"}
    assert decide(grant, identity=later, asked=ASKED[:1]).granted == {"tier:admin"}


def test_any_version_ends_where_a_right_is_added_or_widened() -> None:
    grant = granted("tier:admin", any_version=True)
    later = Identity("tools", "test-tools", "2.0", "digest-9")
    added = (*ASKED, Right("net:example.org"))
    widened = (*ASKED[:1], Right("tool:avr-gcc", "reads /; compiles"), ASKED[2])

    assert decide(grant, identity=later, asked=added).granted == frozenset()
    assert decide(grant, identity=later, asked=added).added == ("net:example.org",)
    assert decide(grant, identity=later, asked=widened).granted == frozenset()
    assert decide(grant, identity=later, asked=widened).added == ("tool:avr-gcc",)


def test_any_version_is_no_consent_to_another_distribution() -> None:
    grant = granted("tier:admin", any_version=True)
    other = Identity("tools", "evil-tools", "1.0", "digest-1")

    assert decide(grant, identity=other).granted == frozenset()


# -- the shipped policy -----------------------------------------------------------

OURS = ShippedPolicy(
    {
        "tools": FirstParty("tools", "test-tools", ("tier:admin", "tool:avr-*")),
        "flow": FirstParty("flow", "test-flow", ("tier:system",), in_host=True),
    }
)


def test_a_first_party_plugin_has_its_rights_from_the_start() -> None:
    given = decide(None, shipped=OURS)

    assert given.granted == {"tier:admin", "tool:avr-gcc"}
    assert given.missing == ("env:TOKEN",)
    assert given.source == "shipped"


def test_its_name_from_another_distribution_gets_nothing() -> None:
    thief = Identity("tools", "evil-tools", "1.0", "digest-1")

    assert decide(None, identity=thief, shipped=OURS).granted == frozenset()


def test_an_owner_can_add_to_what_is_shipped() -> None:
    assert decide(granted("env:TOKEN"), shipped=OURS).missing == ()


def test_only_the_shipped_policy_lets_a_plugin_into_the_host() -> None:
    system = (Right("tier:system"),)
    flow = Identity("flow", "test-flow", "1.0", "d")
    thief = Identity("flow", "evil-flow", "1.0", "d")
    bought = Grant(thief, {"tier:system": ""}, frozenset({"tier:system"}))

    ours = decide(None, identity=flow, asked=system, tier="system", shipped=OURS)
    theirs = decide(bought, identity=thief, asked=system, tier="system", shipped=OURS)

    assert (ours.in_host, ours.tier) == (True, "system")
    assert (theirs.in_host, theirs.tier) == (False, "basic")
    assert theirs.granted == frozenset()


def test_the_policy_of_this_release_trusts_our_own_distributions_alone() -> None:
    policy = shipped_policy()

    assert {party.distribution for party in policy.parties.values()} == {
        f"lockgate-{name}" for name in policy.parties
    }
    in_host = {name for name, party in policy.parties.items() if party.in_host}
    assert in_host == {"workflows", "marketplace"}
    assert policy.claims("firmware")
    assert policy.party("firmware", "lockgate-firmwere") is None


# -- the file -----------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> GrantsFile:
    return GrantsFile(tmp_path / "lockgate" / "grants.toml")


def test_a_grant_is_read_back_as_it_was_given(file: GrantsFile) -> None:
    given = file.grant(ME, ASKED, frozenset({"env:TOKEN"}), any_version=True)

    assert file.read() == {"tools": given}
    assert given.identity == ME
    assert given.asked["tool:avr-gcc"] == "reads /usr/lib/avr; compiles"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
def test_no_name_and_no_detail_breaks_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    plugin: str,
    version: str,
    asked: dict[str, str],
) -> None:
    file = GrantsFile(tmp_path_factory.mktemp("grants") / "grants.toml")
    identity = Identity(plugin, "dist", version, "digest")
    rights = tuple(Right(key, detail) for key, detail in asked.items())

    given = file.grant(identity, rights, frozenset(asked))

    assert file.read() == {plugin: given}


def test_the_file_is_the_owners_alone(file: GrantsFile) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}))

    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


def test_granting_adds_and_revoking_takes_away(file: GrantsFile) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}))
    file.grant(ME, ASKED, frozenset({"tier:admin"}))
    assert file.read()["tools"].granted == {"env:TOKEN", "tier:admin"}

    assert file.revoke("tools", frozenset({"env:TOKEN", "net:x"})) == {"env:TOKEN"}
    assert file.read()["tools"].granted == {"tier:admin"}

    assert file.revoke("tools") == {"tier:admin"}
    assert file.read() == {}
    assert file.revoke("tools") == frozenset()


def test_granting_a_new_version_keeps_only_what_is_asked_unchanged(
    file: GrantsFile,
) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN", "tool:avr-gcc"}))
    later = Identity("tools", "test-tools", "2.0", "digest-2")
    widened = (Right("env:TOKEN"), Right("tool:avr-gcc", "reads /"), Right("workers"))

    file.grant(later, widened, frozenset({"workers"}))

    assert file.read()["tools"].granted == {"env:TOKEN", "workers"}


def test_granting_another_distribution_keeps_nothing(file: GrantsFile) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}), any_version=True)
    other = Identity("tools", "other", "1.0", "d")

    given = file.grant(other, ASKED, frozenset({"tier:admin"}))

    assert given.granted == {"tier:admin"}
    assert not given.any_version


def test_writers_side_by_side_lose_nothing(file: GrantsFile) -> None:
    def add(number: int) -> None:
        identity = Identity(f"plugin-{number}", "dist", "1", "d")
        GrantsFile(file.path).grant(identity, ASKED, frozenset({"env:TOKEN"}))

    threads = [threading.Thread(target=add, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(file.read()) == 12
    assert {path.name for path in file.path.parent.iterdir()} == {
        "grants.toml",
        "grants.toml.lock",
    }


def test_no_file_is_no_grants(file: GrantsFile) -> None:
    assert file.read() == {}
    assert file.stamp() == (0, 0, 0)


def test_the_stamp_tells_every_change(file: GrantsFile) -> None:
    stamps = {file.stamp()}
    for key in ("env:TOKEN", "tier:admin", "tool:avr-gcc"):
        file.grant(ME, ASKED, frozenset({key}))
        stamps.add(file.stamp())

    assert len(stamps) == 4


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file: GrantsFile, mode: int) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}))
    file.path.chmod(mode)

    with pytest.raises(GrantsError, match="others may write") as caught:
        file.read()

    assert "chmod 600" in caught.value.hint


def test_a_link_is_refused(file: GrantsFile, tmp_path: Path) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}))
    file.path.rename(tmp_path / "elsewhere")
    file.path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(GrantsError):
        file.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(file: GrantsFile) -> None:
    file.grant(ME, ASKED, frozenset({"env:TOKEN"}))
    os.chown(file.path, 12345, 12345)

    with pytest.raises(GrantsError, match="12345"):
        file.read()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = ", "no sound TOML"),
        ("schema = 2", "schema"),
        ("schema = 1\nplugins = 1", "plugins"),
        ("schema = 1\n[plugins]\na = 1", "plugins.a"),
        ('schema = 1\n[plugins.a]\nversion = "1"', "plugins.a"),
        ("\udcff", "no sound TOML"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_the_place(
    file: GrantsFile, text: str, words: str
) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text, "utf-8", errors="surrogateescape")

    with pytest.raises(GrantsError, match=words):
        file.read()
    with pytest.raises(GrantsError):
        file.grant(ME, ASKED, frozenset())
    assert file.path.read_bytes() == text.encode("utf-8", "surrogateescape")


@given(st.binary(max_size=200))
def test_no_content_whatever_is_taken_for_grants_or_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("grants") / "grants.toml"
    path.write_bytes(content)

    with pytest.raises(GrantsError):
        GrantsFile(path).read()


def test_the_command_quotes_what_a_shell_would_take_apart() -> None:
    command = grant_command("tools", "read:/a b", "env:X")

    assert command == "lockgate grants grant tools 'read:/a b' env:X"


def test_what_needs_no_tier_is_never_called_useless() -> None:
    asked = ["tier:elevated", "read:/srv/table.csv", "env:LANG", "net:a.test"]

    assert tier_missing("acme", asked, ["read:/srv/table.csv", "env:LANG"]) == ""
    assert "net:a.test is of no use" in tier_missing("acme", asked, asked[1:])
