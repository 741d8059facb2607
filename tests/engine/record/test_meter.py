"""What is counted, and how Prometheus gets it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from lockgate._record.meter import BOUNDS_SECONDS, HookMeter, Meter
from lockgate._record.trace import Span
from lockgate.errors import LockgateError
from lockgate.grants import Identity
from lockgate.metrics import HostCollector
from lockgate.values import Tree
from tests.support.host_plugins import Site

PLUGIN = """
import os, time
from lockgate.plugin import Transformation, hookimpl

@hookimpl
def transform(tree, options):
    if options.get("die"):
        os._exit(3)
    if options.get("fail"):
        raise ValueError("no")
    time.sleep(options.get("seconds", 0))
    return None if options.get("nothing") else Transformation(tree)
"""


def test_calls_failures_starts_deaths_and_waits_are_counted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.add("counted", PLUGIN)
    registry = CollectorRegistry()

    with site.open() as host:
        registry.register(HostCollector(host))
        for options in ({}, {"nothing": 1}, {"fail": 1}, {"die": 1}, {}):
            try:
                host.call("transform", plugin="counted", tree=Tree(), options=options)
            except LockgateError:
                continue
        threads = [
            threading.Thread(
                target=host.call,
                args=("transform",),
                kwargs={"tree": Tree(), "options": {"seconds": 0.2}},
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        meter = host.meters()["counted"]
        text = generate_latest(registry).decode()
        outcomes = [call.outcome for call in host.calls()]

    hook = meter.hooks["transform"]
    assert (hook.calls, sum(hook.buckets)) == (7, 7)
    assert hook.failures == {"hook-failed": 1, "worker-crashed": 1}
    assert (meter.starts, meter.deaths, meter.waits) == (2, 1, 1)
    assert 0.1 < meter.wait_seconds < 20
    assert hook.seconds > 0.4
    assert outcomes[:5] == [
        "answered",
        "none",
        "hook-failed",
        "worker-crashed",
        "answered",
    ]
    labels = 'hook="transform",plugin="counted"'
    assert f"lockgate_call_seconds_count{{{labels}}} 7.0" in text
    assert f'lockgate_call_failures_total{{code="hook-failed",{labels}}} 1.0' in text
    assert 'lockgate_worker_deaths_total{plugin="counted"} 1.0' in text
    assert 'lockgate_workers{plugin="counted"} 1.0' in text
    buckets = 'lockgate_call_seconds_bucket{hook="transform",le="+Inf",'
    assert f'{buckets}plugin="counted"}} 7.0' in text


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_holds_each_call_once_in_its_place(times: list[float]) -> None:
    who = Identity("p", "d", "1", "")
    counted = Meter()
    for seconds in times:
        counted.new.append((0, 0.0, Span(), who, "h", seconds, "none"))
    meter = counted.hooks.get("h", HookMeter())

    assert sum(meter.buckets) == meter.calls == len(times)
    for number, bound in enumerate(BOUNDS_SECONDS):
        below = sum(1 for seconds in times if seconds <= bound)
        assert sum(meter.buckets[: number + 1]) == below
    assert meter.seconds == pytest.approx(sum(times))
