"""A policy and its broker as callers give them: a tier's name, a broker of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lockgate_sandbox import (
    Interpreter,
    Policy,
    PolicyError,
    Sandbox,
    Tier,
    run_python,
)
from lockgate_sandbox._given import policy_of
from lockgate_sandbox.broker import Broker
from tests.support.sandbox import Lab, run

pytestmark = pytest.mark.kernel

MORE = Policy.for_tier("elevated", secrets=["TOKEN"])
TELLS = "from lockgate_session import session\nsession.secret('TOKEN')"


@pytest.fixture
def more() -> Iterator[Broker]:
    """A broker that tells a secret."""
    with Broker(MORE, secrets={"TOKEN": "s3cret"}) as broker:
        yield broker


def _file(lab: Lab) -> str:
    lab.write("script", TELLS)
    return str(lab.folder / "script.py")


WAYS: dict[str, Callable[[Lab, Policy, Broker], object]] = {
    "worker": lambda lab, policy, broker: lab.sandbox.worker(
        policy, target="lab_target:build", path=[str(lab.folder)], broker=broker
    ),
    "a lazy worker": lambda lab, policy, broker: lab.sandbox.worker(
        policy,
        target="lab_target:build",
        path=[str(lab.folder)],
        broker=broker,
        lazy=True,
    ),
    "pool": lambda lab, policy, broker: lab.sandbox.pool(
        policy, target="lab_target:build", path=[str(lab.folder)], broker=broker
    ),
    "call_once": lambda lab, policy, broker: lab.sandbox.call_once(
        policy, "1", target="lab_target:build", path=[str(lab.folder)], broker=broker
    ),
    "run_file": lambda lab, policy, broker: lab.sandbox.run_file(
        policy, _file(lab), broker=broker
    ),
    "run_python": lambda lab, policy, broker: run_python(
        TELLS, policy, broker=broker, sandbox=lab.sandbox
    ),
    "Interpreter.open": lambda lab, policy, broker: Interpreter.open(
        policy, broker=broker, sandbox=lab.sandbox
    ),
}


@pytest.mark.parametrize(
    "policy",
    [
        Policy.for_tier("read-only"),
        Policy.for_tier("elevated", files=()),
        Policy.for_tier("elevated", secrets=["OTHER"]),
    ],
    ids=["read-only", "elevated", "another grant"],
)
@pytest.mark.parametrize("way", WAYS)
def test_a_broker_that_grants_more_than_the_policy_is_refused(
    lab: Lab, more: Broker, way: str, policy: Policy
) -> None:
    with pytest.raises(PolicyError, match="know the secret TOKEN") as refused:
        WAYS[way](lab, policy, more)
    assert "Broker(policy)" in refused.value.hint


def test_without_that_look_a_worker_of_tier_read_only_knows_the_secret(
    lab: Lab, more: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: object) -> None: ...

    monkeypatch.setattr("lockgate_sandbox._start.recipe.check_broker", nothing)
    monkeypatch.setattr("lockgate_sandbox.interpreter.check_broker", nothing)
    found = run_python(TELLS, "read-only", broker=more, sandbox=lab.sandbox)

    assert found.check().value == "s3cret"


@pytest.mark.parametrize(
    "grants",
    [
        {"hosts": ["127.0.0.1:8080"]},
        {"files": ["/etc/hostname"]},
        {"devices": ["/dev/ttyUSB0"]},
        {"tools": ["/usr/bin/wc"]},
    ],
    ids=lambda grants: next(iter(grants)),
)
def test_each_kind_of_grant_is_named(lab: Lab, grants: dict[str, list[str]]) -> None:
    from lockgate_sandbox import Device, PathGrant, Program

    kinds: dict[str, Callable[[str], Any]] = {
        "hosts": str,
        "files": PathGrant,
        "devices": Device,
        "tools": lambda path: Program("wc", path),
    }
    (name, given), *_ = grants.items()
    made: dict[str, Any] = {name: [kinds[name](item) for item in given]}
    with (
        Broker(Policy.for_tier("admin", **made)) as broker,
        pytest.raises(PolicyError) as refused,
    ):
        WAYS["worker"](lab, Policy.for_tier("admin"), broker)
    assert given[0] in str(refused.value)


def test_what_a_broker_grants_beyond_some_is_not_all_listed(lab: Lab) -> None:
    policy = Policy.for_tier("elevated", secrets=[f"T{n}" for n in range(9)])
    with Broker(policy) as broker, pytest.raises(PolicyError) as refused:
        WAYS["worker"](lab, Policy.for_tier("basic"), broker)
    assert str(refused.value).endswith("know the secret T3; ...")


def test_a_broker_of_an_equal_policy_and_one_that_grants_nothing_are_taken(
    lab: Lab, more: Broker
) -> None:
    own = Policy.for_tier("elevated", secrets=["TOKEN"])
    assert WAYS["run_python"](lab, own, more).value == "s3cret"  # type: ignore[attr-defined] # pyright: ignore
    assert run_python(TELLS, broker=more, sandbox=lab.sandbox).value == "s3cret"
    with Broker(Policy.for_tier("basic")) as broker:
        where: Any = {"target": "lab_target:build", "path": [str(lab.folder)]}
        with lab.sandbox.worker("read-only", broker=broker, **where) as worker:
            assert run(worker, "result = 1") == 1


def test_what_is_no_broker_is_told(lab: Lab) -> None:
    given: Any = {"TOKEN": "value"}
    with pytest.raises(PolicyError, match="broker is a Broker, not"):
        WAYS["worker"](lab, MORE, given)


@pytest.mark.parametrize("tier", ["read-only", Tier.READ_ONLY])
def test_a_tiers_name_is_a_policy_wherever_one_is_asked_for(
    lab: Lab, tier: str
) -> None:
    where: Any = {"target": "lab_target:build", "path": [str(lab.folder)]}
    code = "result = session.tier"
    with lab.sandbox.worker(tier, **where) as worker:
        assert run(worker, code) == "read-only"
    assert lab.sandbox.call_once(tier, code, **where).value == "read-only"
    with lab.sandbox.pool(tier, size=1, **where) as pool, pool.worker() as worker:
        assert run(worker, code) == "read-only"
    assert lab.sandbox.run_file(tier, "x.py", source=b"pass").status == 0
    done = lab.sandbox.run_program("elevated", ["cat"], stdin=b"yo")
    assert done.stdout == b"yo"


def test_a_tiers_name_means_one_policy() -> None:
    assert policy_of("basic") is policy_of(Tier.BASIC)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("bsaic", "no such tier"),
        ("policy.json", "not a file's"),
        (None, "not a NoneType"),
        (3, "not a int"),
    ],
)
def test_what_is_no_policy_is_told(sandbox: Sandbox, given: Any, told: str) -> None:
    with pytest.raises(PolicyError, match=told) as refused:
        sandbox.worker(given, target="plugin:build")
    assert refused.value.hint


def test_a_pool_is_no_sandbox(lab: Lab) -> None:
    where: Any = {"target": "lab_target:build", "path": [str(lab.folder)]}
    with lab.sandbox.pool("basic", size=1, **where) as pool:
        given: Any = pool
        with pytest.raises(PolicyError, match="not a value of type WorkerPool"):
            run_python("1", sandbox=given)
