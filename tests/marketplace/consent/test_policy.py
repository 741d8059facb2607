"""A consent policy gives what it says to whom it names, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.grants import Right
from lockgate_marketplace.consent import Coming, ConsentPolicy
from lockgate_marketplace.consent.policy_file import parse_policy
from lockgate_marketplace.errors import ConsentError
from lockgate_marketplace.identity import Identity

KEY = "A" * 43 + "="
HASH = "ab" * 32
MAKER = Identity("key", "ed25519", KEY)
HUB = Identity("attestation", "https://hub", "11", "22", "release.yml")
ASKED = (
    Right("tier:elevated"),
    Right("env:LANG"),
    Right("net:a.example"),
    Right("tool:git", "reads /srv"),
)
INDEX = """
project = "Acme_Tools"
index = "main"
tier = "elevated"
rights = ["env:LANG"]
"""


def policy(*rules: str) -> ConsentPolicy:
    text = "schema = 1\n" + "".join(f"[[allow]]\n{rule}\n" for rule in rules)
    return parse_policy(text.encode(), "/p.toml")


def gives(
    rule: str, *wheels: Coming, project: str = "acme-tools", plugin: str = "acme"
) -> set[str]:
    mine = wheels or (Coming(HASH, "main"),)
    return set(policy(rule).gives(plugin, project, mine, ASKED, {"main", "deps"}))


def test_a_rule_gives_what_it_names_and_says_which_it_was() -> None:
    mine = policy('project = "x"\nindex = "main"\ntier = "admin"', INDEX)

    given = mine.gives("acme", "acme-tools", [Coming(HASH, "main")], ASKED)

    assert given == dict.fromkeys(
        ["tier:elevated", "env:LANG"], "policy /p.toml, rule 2"
    )


def test_without_rules_nothing_is_given() -> None:
    for empty in (ConsentPolicy(), policy()):
        assert empty.gives("acme", "acme-tools", [Coming(HASH, "main")], ASKED) == {}


@pytest.mark.parametrize(
    ("wheel", "project"),
    [
        (Coming(HASH), "acme-tools"),  # a file, which nobody vouches for
        (Coming(HASH, "other"), "acme-tools"),
        (Coming(HASH, "main"), "acme-tools2"),
    ],
)
def test_a_name_from_elsewhere_is_not_the_one_that_is_meant(
    wheel: Coming, project: str
) -> None:
    assert gives(INDEX, wheel, project=project) == set()


PUBLISHER = f'publisher = "ed25519:{KEY}"\nrights = ["env:LANG"]'
ATTESTED = """
publisher = { issuer = "https://hub", subject = "11" }
rights = ["env:LANG"]
"""


@pytest.mark.parametrize(
    ("rule", "identity", "fits"),
    [
        (PUBLISHER, MAKER, True),
        (PUBLISHER, Identity("key", "ed25519", "B" * 43 + "="), False),
        (PUBLISHER, Identity("none"), False),
        (PUBLISHER, Identity("awaited"), False),
        (ATTESTED, HUB, True),
        (ATTESTED, Identity("attestation", "https://hub", "12", "22"), False),
        (ATTESTED, Identity("attestation", "https://evil", "11", "22"), False),
        (ATTESTED.replace('"11"', '"11", owner = "23"'), HUB, False),
        (ATTESTED.replace('"11"', '"11", pipeline = "x"'), HUB, False),
    ],
)
def test_a_publisher_is_who_was_proven_to_be_it(
    rule: str, identity: Identity, fits: bool
) -> None:
    assert (gives(rule, Coming(HASH, "main", identity)) == {"env:LANG"}) is fits


def test_what_comes_along_has_the_rights_too_so_it_must_be_meant_as_well() -> None:
    own, proven = Coming(HASH, "main"), Coming(HASH, "main", MAKER)
    stray = Coming("cd" * 32)

    assert gives(INDEX, own, Coming("cd" * 32, "deps"))
    assert not gives(INDEX, own, Coming("cd" * 32, "public"))
    assert not gives(INDEX, own, stray)
    assert gives(INDEX + f'wheels = ["{HASH}", "{stray.sha256}"]', own, stray)
    # The key says nothing of an index that could serve another's wheel beside it.
    assert not gives(PUBLISHER, proven, Coming("cd" * 32, "main"))
    assert gives(PUBLISHER, proven, Coming("cd" * 32, "main", MAKER))


def test_a_detail_is_part_of_what_is_agreed_to() -> None:
    assert gives(INDEX.replace('"env:LANG"', '"tool:git"')) == {"tier:elevated"}
    exact = '{ right = "tool:git", detail = "reads /srv" }'
    assert "tool:git" in gives(INDEX.replace('"env:LANG"', exact))
    other = exact.replace("/srv", "/")
    assert "tool:git" not in gives(INDEX.replace('"env:LANG"', other))


def test_the_lower_tier_does_not_give_the_higher_one() -> None:
    asked = [Right("tier:admin"), Right("tier:system")]
    wheels = [Coming(HASH, "main")]
    admin = policy(INDEX.replace("elevated", "admin"))

    assert policy(INDEX).gives("acme", "acme-tools", wheels, asked) == {}
    assert set(admin.gives("acme", "acme-tools", wheels, asked)) == {"tier:admin"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema = 2",
        'schema = "1"',
        "schema = true",
        "schema = 1\nalow = []",
        "schema = 1\n[[allow]]\n" + INDEX + 'projekt = "x"',
        'schema = 1\n[[allow]]\nrights = ["env:LANG"]',
        'schema = 1\n[[allow]]\nplugin = "acme"\nrights = ["env:LANG"]',
        'schema = 1\n[[allow]]\nproject = "acme"\nrights = ["env:LANG"]',
        'schema = 1\n[[allow]]\nindex = "main"\nrights = ["env:LANG"]',
        'schema = 1\n[[allow]]\nproject = ""\nindex = "main"\ntier = "admin"',
        'schema = 1\n[[allow]]\nwheels = []\nrights = ["env:LANG"]',
        f'schema = 1\n[[allow]]\nwheels = ["{HASH[1:]}"]\nrights = ["env:LANG"]',
        'schema = 1\n[[allow]]\npublisher = "github.com/acme"\nrights = ["env:LANG"]',
        f'schema = 1\n[[allow]]\npublisher = "ed25519:{KEY}"',
        "schema = 1\n[[allow]]\n" + INDEX.replace("elevated", "system"),
        "schema = 1\n[[allow]]\n" + INDEX.replace("env:LANG", "*"),
        "schema = 1\n[[allow]]\n" + INDEX.replace("env:LANG", "tier:admin"),
        "schema = 1\n[[allow]]\n" + INDEX.replace("env:LANG", "env:"),
        "schema = 1\n[[allow]]\n" + INDEX.replace('["env:LANG"]', '"env:LANG"'),
        "schema = 1\n" + "a." * 100_000 + "a = 1",
        "schema = 1\nx = " + "[" * 5000,
    ],
)
def test_what_is_no_policy_is_refused_whole(text: str) -> None:
    with pytest.raises(ConsentError) as caught:
        parse_policy(text.encode(), "/p.toml")

    assert (caught.value.code, caught.value.where) == ("consent-policy", "/p.toml")


def test_who_lists_the_tier_is_told_its_own_key() -> None:
    rule = INDEX.replace("env:LANG", "tier:admin")
    with pytest.raises(ConsentError) as caught:
        parse_policy(f"schema = 1\n[[allow]]\n{rule}".encode(), "/p.toml")

    assert 'tier = "elevated"' in str(caught.value.hint)


def test_a_star_is_a_letter_and_no_pattern() -> None:
    rule = INDEX.replace("env:LANG", "net:*.example")

    assert gives(rule) == {"tier:elevated"}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_refused(raw: bytes) -> None:
    try:
        found = parse_policy(raw, "/p.toml")
    except ConsentError:
        return
    assert found.file == "/p.toml"


@given(
    st.lists(
        st.sampled_from([INDEX, PUBLISHER, ATTESTED, INDEX.replace("LANG", "HOME")]),
        max_size=4,
    )
)
def test_the_order_of_rules_means_nothing_and_more_of_them_take_nothing_away(
    rules: list[str],
) -> None:
    wheels = [Coming(HASH, "main", MAKER)]

    def keys(some: list[str]) -> set[str]:
        return set(policy(*some).gives("acme", "acme-tools", wheels, ASKED, {"main"}))

    assert keys(rules) == keys(rules[::-1])
    assert keys(rules[1:]) <= keys(rules)
