"""Policies as people write them: defaults of the tier, and errors with a place."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import Limits, Policy, PolicyError, Tier
from lockgate_sandbox.grants import TOTAL
from lockgate_sandbox.policy_file import parse_policy, policy_text, read_policy
from tests.sandbox.test_policy import policies
from tests.support.sandbox import TIERS


@pytest.mark.parametrize("tier", TIERS)
def test_what_is_left_out_is_the_tiers_own(tier: Tier) -> None:
    assert parse_policy(f'{{"tier": "{tier}"}}') == Policy.for_tier(tier)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(
        '{"tier": "elevated", "read": ["/srv"], "env": {"A": "b"},'
        ' "limits": {"wall_seconds": 2}}'
    )

    policy = read_policy(path)

    assert (policy.read, policy.env) == (("/srv",), (("A", "b"),))
    assert policy.limits.wall_seconds == 2
    assert policy.limits.inodes == Limits.for_tier("elevated").inodes


def test_what_all_hosts_share_is_written_as_on_a_command_line() -> None:
    given = parse_policy('{"tier": "elevated", "total": "bytes=1M rate=2"}')

    assert given.total == replace(TOTAL, bytes=1 << 20, per_second=2.0)


def test_a_host_is_written_as_on_a_command_line() -> None:
    text = '{"tier": "elevated", "hosts": ["https://a.example/v1/ methods=GET"]}'

    (host,) = parse_policy(text).hosts

    assert (host.origin, host.paths) == ("https://a.example:443", ("/v1/",))
    with pytest.raises(PolicyError, match="no host to grant"):
        parse_policy('{"tier": "elevated", "hosts": ["/"]}')


@pytest.mark.parametrize("tier", TIERS)
def test_a_printed_policy_is_read_back(tier: Tier) -> None:
    policy = Policy.for_tier(tier, read=["/srv"] if tier.may_grant else [])

    assert parse_policy(json.dumps(policy.to_dict())) == policy


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "line 1, column 1: no JSON", "policy show --json"),
        ('{"tier": "basic",\n nonsense}', "line 2, column 2: no JSON", "show"),
        ("[]", "a policy is a JSON object", "show"),
        ("{}", "names no tier", "read-only, basic"),
        ('{"tier": "system"}', "names the tier 'system'", "read-only, basic"),
        ('{"tier": ["basic"]}', "names the tier", "read-only"),
        ('{"tier": "basic", "reads": []}', "'reads' is no part", "read, write"),
        ('{"tier": "basic", "tier": "admin"}', "'tier' is written twice", "keep one"),
        ('{"tier": "basic", "limits": 5}', "limits is an object", "show"),
        ('{"tier": "basic", "limits": {"x": 5}}', "no such limit: 'x'", "wall_seconds"),
        ('{"tier": "basic",\n"reads": []}', "line 2: 'reads' is no part", "read"),
        ('{"tier": "basic",\n\n"tier": "a"}', "line 3: 'tier' is written", "keep"),
        ('{"tier": "basic",\n"limits": {\n"x": 5}}', "line 3: limits: no such", "cpu"),
        ('{"tier": "basic", "limits": {"inodes": "5"}}', "inodes is a number", ""),
        ('{"tier": "basic", "limits": {"cpu_seconds": NaN}}', "cpu_seconds", ""),
        ('{"tier": "basic", "read": ["x"]}', "no absolute path", ""),
        ('{"tier": "basic", "write": ["/x"]}', "cannot carry the right 'write'", ""),
        ("[" * 100_000, "no JSON", "show"),
        (b"\xff\xfe\xfd", "no JSON", "show"),
    ],
)
def test_what_is_no_policy_is_refused_with_place_and_way_out(
    text: str | bytes, message: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)

    with pytest.raises(PolicyError) as caught:
        read_policy(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="gone: No such file"):
        read_policy(tmp_path / "gone")
    with pytest.raises(PolicyError, match="Is a directory"):
        read_policy(tmp_path)
    with pytest.raises(PolicyError, match=r"larger than 1,048,576 bytes"):
        read_policy("/dev/zero")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["tier", "limits", "read", "write", "programs", "env", "hosts", "total", "x"]
)


@given(st.dictionaries(_KEYS, _VALUES))
def test_any_document_is_a_policy_or_an_error(data: dict[str, object]) -> None:
    data.setdefault("tier", "elevated")
    with suppress(PolicyError):
        assert isinstance(parse_policy(json.dumps(data)), Policy)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_policy_or_an_error(data: bytes) -> None:
    with pytest.raises(PolicyError):
        parse_policy(data)


@given(policies, st.sampled_from([1, 10**6]))
def test_the_shortest_text_means_the_same_policy(policy: Policy, memory: int) -> None:
    held = replace(policy, limits=replace(policy.limits, memory_bytes=memory << 20))

    assert parse_policy(policy_text(held)) == held


@pytest.mark.parametrize("tier", TIERS)
def test_the_shortest_text_leaves_out_what_is_the_tiers_own(tier: Tier) -> None:
    assert json.loads(policy_text(Policy.for_tier(tier))) == {"tier": str(tier)}
    held = Policy.for_tier("elevated", hosts=["a.example"], limits={"wall_seconds": 2})
    assert json.loads(policy_text(held)) == {
        "tier": "elevated",
        "limits": {"wall_seconds": 2},
        "hosts": ["a.example:443"],
    }
