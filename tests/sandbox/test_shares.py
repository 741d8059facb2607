"""CPU shares and GPU memory: limits that only a control group can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from lockgate_sandbox import (
    LayerMissingError,
    Limits,
    Policy,
    Program,
    Sandbox,
    Tier,
    probe,
)
from tests.support.sandbox import Lab, open_folder, policy

pytestmark = pytest.mark.kernel

_SPIN = """
import os, time
def spin():
    while time.monotonic() < started + 1.5:
        pass
started, spent = time.monotonic(), os.times()
if forks:
    for _ in range(3):
        if not os.fork():
            spin()
            os._exit(0)
    for _ in range(3):
        os.wait()
else:
    spin()
now = os.times()
used = sum(now[:4]) - sum(spent[:4])
result = [used / (time.monotonic() - started), os.getpriority(os.PRIO_PROCESS, 0)]
"""


def _spun(lab: Lab, given: Policy) -> list[float]:
    return cast("list[float]", lab.run(given, _SPIN, forks=given.may_fork))


def _tree() -> Policy:
    limits = policy(Tier.ELEVATED, limits={"cpu_share": 0.03}).limits
    programs = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=limits, programs=programs)


@pytest.mark.parametrize("given", [policy(limits={"cpu_share": 0.03}), _tree()])
def test_a_share_holds_for_the_whole_tree(
    lab: Lab, lab_without: Callable[..., Lab], given: Policy
) -> None:
    if not probe().can("cpu_share"):
        pytest.skip(f"no cpu controller: {probe().reasons['cpu_share']}")
    with lab.worker(given) as worker:
        assert worker.posture["cpu-share"].state == "active"

    assert _spun(lab, given)[0] < 0.06
    assert _spun(lab_without("cpu-share", "cgroup"), given)[0] > 0.06


def test_without_a_group_it_only_yields_and_says_so(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("cgroup")
    given = policy(limits={"cpu_share": 0.03})
    with lab.worker(given) as worker:
        layer = worker.posture["cpu-share"]
    assert layer.state == "degraded"
    assert "nice 19" in layer.detail
    assert layer.remedy
    assert _spun(lab, given)[1] == 19


def test_what_nobody_asks_for_is_unneeded(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        states = [worker.posture[name].state for name in ("cpu-share", "gpu-memory")]
    assert states == ["unneeded", "unneeded"]


def test_memory_of_a_gpu_that_can_not_be_reached_needs_no_limit(lab: Lab) -> None:
    with lab.worker(policy(limits={"gpu_memory_bytes": 1 << 30})) as worker:
        assert worker.posture["gpu-memory"].state == "unneeded"


def test_memory_of_a_reachable_gpu_is_limited_or_reported(lab: Lab) -> None:
    limits = policy(Tier.ELEVATED, limits={"gpu_memory_bytes": 1 << 30}).limits
    given = Policy.for_tier(Tier.ELEVATED, limits=limits, read=["/dev/dri"])
    with lab.worker(given) as worker:
        layer = worker.posture["gpu-memory"]
    if probe().can("gpu_memory"):
        assert layer.state == "active"
    else:
        assert layer.state == "missing"
        assert "dmem" in layer.remedy


def test_a_gpu_without_a_limit_can_be_refused() -> None:
    if probe().can("gpu_memory"):
        pytest.skip("a GPU's memory can be limited here")
    limits = policy(Tier.ELEVATED, limits={"gpu_memory_bytes": 1 << 30}).limits
    given = Policy.for_tier(Tier.ELEVATED, limits=limits, read=["/dev/dri"])
    with (
        open_folder() as folder,
        Sandbox.open(layers={"elevated": {"gpu-memory": "strict"}}) as sandbox,
        pytest.raises(LayerMissingError) as caught,
    ):
        Lab(sandbox, folder).worker(given)
    assert caught.value.layer == "gpu-memory"
    assert "dmem" in caught.value.hint


def test_they_are_part_of_a_policys_document() -> None:
    limits = Limits.for_tier("basic").tightened({"cpu_share": 0.5})
    given = Policy.for_tier("basic", limits=limits)
    assert Policy.from_dict(given.to_dict()) == given
    assert "CPU share: 0.5 of a core" in given.describe()
