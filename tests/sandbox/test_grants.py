"""Grants: one spelling each, strict text, and nothing that could mean more."""

from __future__ import annotations

import contextlib
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import (
    Credential,
    Device,
    HostGrant,
    PathGrant,
    Policy,
    PolicyError,
    Program,
    Quota,
    parse_host_grant,
)
from lockgate_sandbox.grant_text import (
    parse_quota,
    write_host_grant,
    write_quota,
)
from lockgate_sandbox.grants import TOTAL

labels = st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z")
names = st.lists(labels, min_size=1, max_size=3).map(".".join)
ports = st.lists(st.integers(1, 65_535), max_size=2).map(tuple)
segments = st.lists(labels, max_size=3).map(lambda parts: "/" + "/".join(parts))
quotas = st.builds(
    Quota,
    bytes=st.integers(1, 1 << 40),
    requests=st.integers(1, 10**6),
    per_second=st.integers(1, 999).map(lambda n: n / 4),
    burst=st.integers(1, 999),
)
raw = st.builds(
    HostGrant,
    host=names
    | st.ip_addresses()
    .filter(lambda address: getattr(address, "ipv4_mapped", None) is None)
    .map(str),
    ports=ports,
    allow_private=st.booleans(),
    quota=quotas,
)
web = st.builds(
    HostGrant,
    host=names,
    ports=ports,
    scheme=st.sampled_from(["http", "https"]),
    methods=st.lists(st.sampled_from(["GET", "PUT"]), max_size=2).map(tuple),
    paths=st.lists(segments.filter(lambda path: path != "/"), max_size=2).map(tuple),
    credential=st.none()
    | st.builds(Credential, st.just("X-Key"), st.just("KEY"))
    | st.just(Credential("Authorization", "TOKEN", "Bearer {}")),
    allow_private=st.booleans(),
    quota=quotas,
    seconds=st.integers(1, 3_600).map(float),
)


@given(quotas, st.sampled_from([TOTAL, Quota()]))
def test_a_quota_is_the_same_after_its_text(quota: Quota, plain: Quota) -> None:
    assert parse_quota(write_quota(quota, plain), plain) == quota


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("", TOTAL),
        ("bytes=1G rate=0.5", Quota(1 << 30, TOTAL.requests, 0.5, TOTAL.burst)),
        ("requests=7 burst=9", Quota(TOTAL.bytes, 7, TOTAL.per_second, 9)),
    ],
)
def test_what_all_hosts_share_is_written_with_the_same_words(
    text: str, total: Quota
) -> None:
    assert Policy.for_tier("elevated", total=text).total == total


@pytest.mark.parametrize(
    "text", ["bytes", "bytes=", "bytes=x", "seconds=1", "rate=1 rate=2", "bytes=0"]
)
def test_what_is_no_quota_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_quota(text)


@given(raw | web)
def test_a_host_grant_is_the_same_after_its_text_and_after_json(
    grant: HostGrant,
) -> None:
    assert parse_host_grant(write_host_grant(grant)) == grant
    policy = Policy.for_tier("elevated", hosts=[grant])
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    assert hash(Policy.from_dict(policy.to_dict())) == hash(policy)


@given(st.text(max_size=60))
def test_any_text_is_a_grant_or_a_policy_error_with_a_way_out(text: str) -> None:
    with contextlib.suppress(PolicyError):
        grant = parse_host_grant(text)
        assert parse_host_grant(write_host_grant(grant)) == grant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("API.Example.com", HostGrant("api.example.com", (443,))),
        ("example.com.", HostGrant("example.com", (443,))),
        ("bücher.example:80", HostGrant("xn--bcher-kva.example", (80,))),
        ("[::1]:8080 private", HostGrant("::1", (8080,), allow_private=True)),
        ("[0:0::1]", HostGrant("::1")),
        ("10.0.0.7:1,2", HostGrant("10.0.0.7", (1, 2))),
        (
            "https://api.example.com/v1/ methods=GET,HEAD bearer=TOKEN bytes=10M",
            HostGrant(
                "api.example.com",
                (443,),
                "https",
                ("GET", "HEAD"),
                ("/v1/",),
                Credential("Authorization", "TOKEN", "Bearer {}"),
                quota=Quota(bytes=10 << 20),
            ),
        ),
        ("http://a.b/", HostGrant("a.b", (80,), "http")),
    ],
)
def test_text_means_one_grant(text: str, expected: HostGrant) -> None:
    assert parse_host_grant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*.example.com",
        "a b",
        "a..b",
        "-a.b",
        "a_b.c/path",
        "user@host",
        "https://user:pw@host/",
        "host:0",
        "host:65536",
        "host:080",
        "host:",
        "host:80-90",
        "ftp://host/",
        "https://host/?q",
        "https://host/#x",
        "https://host/a/../b",
        "https://host/./a",
        "https://host//a",
        "https://host/%61",
        "https://host/a;b",
        "host methods=GET",
        "https://host methods=get",
        "https://host methods=CONNECT",
        "https://host methods=TRACE",
        "https://host methods=",
        "https://host paths=v1",
        "host bearer=X",
        "https://host bearer=",
        "https://host inject=Host:X",
        "https://host inject=Content-Length:X",
        "https://host inject=X-Key",
        "https://host bytes=many",
        "https://host bytes=0",
        "https://host requests=-1",
        "https://host requests=1.5",
        "https://host rate=inf",
        "https://host rate=0",
        "https://host private=yes",
        "https://host private private",
        "https://host speed=1",
        "https://host seconds=100000",
        # Every spelling of 127.0.0.1 but the plain one.
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "127.0.0.01",
        "127.0.0.256",
        "0x7f.1",
        "1.2.3.4.5",
        "[127.0.0.1]",
        "[fe80::1%eth0]",
        "[::1",
        "::1]",
        "host\n",
        "host\0",
        "a" * 64 + ".b",
        ".".join(["abc"] * 80),
    ],
)
def test_what_could_mean_more_is_refused(text: str) -> None:
    if text in ("host\n", "127.0.0.1."):  # split away; a trailing dot is the root
        assert parse_host_grant(text).host in ("host", "127.0.0.1")
        return
    with pytest.raises(PolicyError):
        parse_host_grant(text)


def test_full_width_digits_are_the_address_that_they_mean() -> None:
    assert parse_host_grant("１２７.０.０.１").host == "127.0.0.1"
    with pytest.raises(PolicyError):
        parse_host_grant("２１３０７０６４３３")


@pytest.mark.parametrize("tier", ["read-only", "basic"])
@pytest.mark.parametrize(
    "right",
    [
        {"hosts": ["a.b"]},
        {"files": [PathGrant("/data")]},
        {"devices": [Device("/dev/ttyUSB0")]},
        {"secrets": ["TOKEN"]},
        {"tools": [Program("cc", "/usr/bin/cc")]},
    ],
    ids=lambda right: next(iter(right)),
)
def test_below_elevated_nothing_is_brokered(tier: str, right: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match="elevated"):
        Policy.for_tier(tier, **right)


def test_programs_of_the_machine_need_tier_admin() -> None:
    tools = [Program("cc", "/usr/bin/cc")]
    with pytest.raises(PolicyError, match="use tier admin"):
        Policy.for_tier("elevated", tools=tools)
    assert Policy.for_tier("admin", tools=tools).brokered


def test_no_secret_is_in_the_policys_words_or_document() -> None:
    policy = Policy.for_tier(
        "elevated", hosts=["https://a.b bearer=TOKEN"], secrets=["KEY"]
    )
    for text in (policy.describe(), json.dumps(policy.to_dict()), repr(policy)):
        assert "TOKEN" in text
        assert "KEY" in text


def test_a_device_lies_below_dev() -> None:
    assert Device("radio", "/dev/ttyUSB0").path == "/dev/ttyUSB0"
    for name, path in (("x", "/etc/passwd"), ("/dev/../etc/x", ""), ("x", "")):
        with pytest.raises(PolicyError):
            Device(name, path)


def test_a_diff_says_what_is_gained_lost_and_changed() -> None:
    old = Policy.for_tier("elevated", read=["/a"], hosts=["a.b"], secrets=["KEY"])
    new = Policy.for_tier(
        "admin", read=["/a"], hosts=["a.b bytes=1K", "c.d"], env={"TZ": "UTC"}
    )
    lines = [str(change) for change in old.diff(new)]

    for line in (
        "+ tier elevated -> admin",
        "+ limit cpu 300 s -> 600 s",
        "+ reach, through the broker, c.d:443 up to 100 MiB and 1,000 requests",
        "- no longer: know the secret KEY",
        (
            "~ reach, through the broker, a.b:443 up to 1 KiB and 1,000 "
            "requests (was: reach, through the broker, a.b:443 up to 100 MiB "
            "and 1,000 requests)"
        ),
        "+ see the environment variable TZ",
    ):
        assert line in lines
    assert "/a" not in "".join(lines)
    assert old.diff(old) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hosts", {}),
        ("hosts", [{"host": "a.b"}]),
        ("files", [{"path": "/a", "write": "yes"}]),
        ("devices", [{"name": "/dev/x", "path": 1, "write": True}]),
        ("secrets", "KEY"),
        ("secrets", ["a b"]),
        ("total", {"bytes": 1}),
        ("tools", [3]),
    ],
)
def test_a_malformed_grant_in_a_document_is_refused(key: str, value: object) -> None:
    document = Policy.for_tier("admin").to_dict()
    with pytest.raises(PolicyError):
        Policy.from_dict({**document, key: value})


@pytest.mark.parametrize(
    "change",
    [
        {"ports": ["443"]},
        {"ports": [True]},
        {"ports": [1.5]},
        {"scheme": "ftp"},
        {"credential": {"header": "X"}},
        {"allow_private": 1},
        {"seconds": "60"},
        {"quota": {"bytes": 1.5, "requests": 1, "per_second": 1, "burst": 1}},
        {"extra": 1},
    ],
)
def test_a_malformed_host_in_a_document_is_refused(change: dict[str, Any]) -> None:
    document = Policy.for_tier("elevated", hosts=["a.b"]).to_dict()
    (host,) = cast("list[dict[str, object]]", document["hosts"])
    with pytest.raises(PolicyError):
        Policy.from_dict({**document, "hosts": [{**host, **change}]})
