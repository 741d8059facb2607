"""A policy is data: complete, checked, and the same after a round trip."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox.errors import PolicyError
from lockgate_sandbox.grants import Credential, Device, HostGrant, PathGrant, Quota
from lockgate_sandbox.policy import Policy, Program
from lockgate_sandbox.tiers import Limits, Tier

names = st.text("abcdefghij-_.", min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..")
)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
programs = st.lists(
    st.builds(Program, names, paths, st.lists(paths, max_size=2).map(tuple)),
    max_size=2,
    unique_by=lambda program: program.name,
)
devices = st.lists(
    st.builds(Device, names, paths.map("/dev{}".format), st.booleans(), st.booleans()),
    max_size=2,
    unique_by=lambda device: device.name,
)
hosts = st.lists(
    st.sampled_from(
        [
            HostGrant("a.example", (443,), quota=Quota(requests=9)),
            HostGrant("b.example", scheme="https", methods=("GET",), paths=("/v1/",)),
            HostGrant("c.example", scheme="https", credential=Credential("X-Key", "k")),
            HostGrant("192.0.2.7", (80, 8080), allow_private=True, seconds=3),
        ]
    ),
    max_size=2,
    unique_by=lambda host: host.origin,
)
files = st.lists(
    st.builds(PathGrant, paths, st.booleans()),
    max_size=2,
    unique_by=lambda file: file.path,
)
policies = st.builds(
    Policy.for_tier,
    st.sampled_from([Tier.ELEVATED, Tier.ADMIN]),
    read=st.lists(paths, max_size=3),
    write=st.lists(paths, max_size=3),
    programs=programs,
    env=st.dictionaries(
        st.from_regex(r"\AX[A-Z_]{0,8}\Z"),
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8),
        max_size=2,
    ),
    hosts=hosts,
    files=files,
    devices=devices,
    secrets=st.lists(st.sampled_from(["k", "key", "other"]), max_size=2),
)


@given(policies)
def test_a_policy_survives_json(policy: Policy) -> None:
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


@given(policies)
def test_policies_that_are_equal_hash_alike(policy: Policy) -> None:
    assert hash(Policy.from_dict(policy.to_dict())) == hash(policy)


def test_the_plain_policy_of_a_tier_has_its_limits_and_nothing_else() -> None:
    policy = Policy.for_tier("read-only")

    assert policy.limits == Limits.for_tier("read-only")
    assert (policy.read, policy.write, policy.programs, policy.env) == ((),) * 4
    assert not policy.may_fork


def test_paths_are_normalised_and_kept_once() -> None:
    policy = Policy.for_tier("elevated", read=["/usr//share/", "/usr/share", "/a/./b"])

    assert policy.read == ("/usr/share", "/a/b")


@pytest.mark.parametrize(
    "path", ["relative", "", "/up/../down", "/nul\0byte", "/\udcff"]
)
def test_a_path_that_could_mean_another_is_refused(path: str) -> None:
    with pytest.raises(PolicyError):
        Policy.for_tier("elevated", read=[path])


@pytest.mark.parametrize("tier", ["read-only", "basic"])
def test_below_elevated_nothing_is_written_or_started(tier: str) -> None:
    with pytest.raises(PolicyError, match=r"'write'.*elevated"):
        Policy.for_tier(tier, write=["/data"])
    with pytest.raises(PolicyError, match=r"'programs'.*elevated"):
        Policy.for_tier(tier, programs=[Program("x", "/bin/x")])


def test_the_system_tier_is_never_a_policy() -> None:
    with pytest.raises(PolicyError, match="not sandboxed"):
        Policy.for_tier(Tier.SYSTEM)
    with pytest.raises(PolicyError, match="not sandboxed"):
        Policy(Tier.SYSTEM, Limits.for_tier("admin"))


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PYTHONSTARTUP",
        "PYTHONPATH",
        "GLIBC_TUNABLES",
        "BASH_ENV",
        "PERL5OPT",
        "NODE_OPTIONS",
        "OPENSSL_CONF",
        "_JAVA_OPTIONS",
        "ENV",
        "GCONV_PATH",
        "IFS",
        "",
        "A=B",
        "1A",
        "A B",
        "A\0",
    ],
)
def test_a_variable_that_runs_other_code_first_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match=r"env"):
        Policy.for_tier("basic", env={name: "x"})


def test_two_programs_of_one_name_are_refused() -> None:
    pair = [Program("cc", "/usr/bin/cc"), Program("cc", "/opt/cc")]

    with pytest.raises(PolicyError, match="name of its own"):
        Policy.for_tier("admin", programs=pair)


def test_a_description_tells_each_right() -> None:
    text = Policy.for_tier(
        "elevated",
        read=["/data"],
        write=["/out"],
        programs=[Program("ruff", "/env/bin/ruff")],
        env={"TZ": "UTC"},
    ).describe()

    for part in ("/data", "/out", "ruff (/env/bin/ruff)", "TZ", "512 MiB", "elevated"):
        assert part in text


def spoilt(**changes: Any) -> dict[str, Any]:
    return {**Policy.for_tier("elevated").to_dict(), **changes}


@pytest.mark.parametrize(
    "data",
    [
        {},
        spoilt(extra=1),
        spoilt(tier="root"),
        spoilt(tier=3),
        spoilt(read="/data"),
        spoilt(read=[3]),
        spoilt(limits={}),
        spoilt(limits={"cpu_seconds": "many"}),
        spoilt(limits=[]),
        spoilt(programs=[{"name": "x"}]),
        spoilt(programs={}),
        spoilt(env=[]),
        spoilt(env={"A": 1}),
    ],
)
def test_a_malformed_document_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Policy.from_dict(data)


def test_some_limits_of_a_tier_are_changed_by_name() -> None:
    own = Limits.for_tier("basic")
    changed = Policy.for_tier("basic", limits={"wall_seconds": 900, "inodes": 9}).limits

    assert changed == replace(own, wall_seconds=900, inodes=9)
    with pytest.raises(PolicyError, match="no such limit: wall"):
        Policy.for_tier("basic", limits={"wall": 5})
    with pytest.raises(PolicyError, match="wall_seconds must be at least"):
        Policy.for_tier("basic", limits={"wall_seconds": 0})
    for wrong in ("5", None, True):
        with pytest.raises(PolicyError, match="must be a number"):
            Policy.for_tier("basic", limits={"wall_seconds": wrong})  # type: ignore[dict-item] # pyright: ignore[reportArgumentType]


def test_a_path_that_is_not_absolute_is_told_as_what_it_is_from_here() -> None:
    with pytest.raises(
        PolicyError, match=r"'data\.csv' is no absolute path"
    ) as refused:
        Policy.for_tier("basic", read=["data.csv"])
    assert str(Path("data.csv").absolute()) in refused.value.hint
    with pytest.raises(PolicyError, match="read is a list of paths, not one text"):
        Policy.for_tier("basic", read="/etc")


@pytest.mark.parametrize(
    "name", ["programs", "hosts", "files", "devices", "secrets", "tools"]
)
def test_one_text_is_no_list_of_rights(name: str) -> None:
    """Else ``secrets="key"`` grants the secrets ``k``, ``e`` and ``y``."""
    given: dict[str, Any] = {name: "key"}
    with pytest.raises(PolicyError, match=f"{name} is a list, not one text: 'key'"):
        Policy.for_tier("admin", **given)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"programs": ["/usr/bin/wc"]}, "programs holds", "Program(NAME, '/usr/bin/wc')"),
    ({"tools": ["/usr/bin/wc"]}, "tools holds", "Program(NAME, '/usr/bin/wc')"),
    ({"devices": ["/dev/ttyS0"]}, "devices holds", "Device('/dev/ttyS0')"),
    ({"files": ["/tmp"]}, "files holds", "PathGrant('/tmp')"),
    ({"hosts": 5}, "hosts is a list", "hosts=["),
    ({"secrets": [1]}, "secrets holds text", "secrets=["),
    ({"env": ["HOME"]}, "env is a mapping", "env={'HOME': os.environ['HOME']}"),
    ({"env": {"N": 1}}, "the value of 'N' is text", "env={"),
    ({"env": "HOME"}, "env is a mapping", "env={"),
    ({"env": 5}, "env is a mapping", "env={"),
    ({"read": [1]}, "read is a path", ""),
    ({"read": 1}, "read is a list", ""),
    ({"read": "/srv"}, "read is a list", "read=['/srv']"),
    ({"write": [b"/srv"]}, "is bytes", "os.fsdecode"),
    ({"total": 1 << 20}, "total is a Quota", "Quota("),
    ({"limits": "64M"}, "limits is a", "limits={"),
]


@pytest.mark.parametrize(("wrong", "told", "hint"), WRONG)
def test_a_grant_of_the_wrong_kind_is_told_with_the_way_out(
    wrong: dict[str, Any], told: str, hint: str
) -> None:
    with pytest.raises(PolicyError, match=re.escape(told)) as refused:
        Policy.for_tier("admin", **wrong)
    assert hint in refused.value.hint
    whole: dict[str, Any] = {"limits": Limits.for_tier("admin"), **wrong}
    with pytest.raises(PolicyError) as refused:
        Policy(Tier.ADMIN, **whole)
    assert hint in refused.value.hint


def test_a_value_of_the_wrong_kind_is_not_repeated() -> None:
    wrong: Any = {"TOKEN": b"s3cret"}
    with pytest.raises(PolicyError) as refused:
        Policy.for_tier("basic", env=wrong)
    assert "s3cret" not in str(refused.value)


def test_a_limit_with_a_unit_is_told_how_to_count() -> None:
    wrong: Any = {"memory_bytes": "64M"}
    with pytest.raises(PolicyError) as refused:
        Policy.for_tier("basic", limits=wrong)
    assert "64 << 20" in refused.value.hint


def test_hosts_as_text_are_the_tiers_own_spelling_only() -> None:
    wrong: Any = ["db.example.com:5432"]
    with pytest.raises(PolicyError) as refused:
        Policy(Tier.ELEVATED, Limits.for_tier("elevated"), hosts=wrong)
    assert "parse_host_grant('db.example.com:5432')" in refused.value.hint
