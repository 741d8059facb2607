"""What a host counts, for Prometheus: needs the extra ``lockgate[metrics]``.

::

    from prometheus_client import REGISTRY
    from lockgate.metrics import HostCollector

    REGISTRY.register(HostCollector(host))

The host counts anyway, in plain numbers; they are put into Prometheus's form when
somebody asks. Labels are names of plugins and hooks, and error codes: bounded by what
is installed, never by what is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate

from lockgate._host import Host
from lockgate._record.meter import BOUNDS_SECONDS, Meter
from lockgate.errors import UsageError

try:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector
except ImportError as error:
    message = "prometheus-client is not installed"
    raise UsageError(message, hint="Install lockgate[metrics].") from error

__all__ = ["HostCollector"]

_BOUNDS = [*(str(bound) for bound in BOUNDS_SECONDS), "+Inf"]


class HostCollector(Collector):
    """Collects the numbers of one host. Register it where Prometheus looks."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: the labels follow from the plugins that are there."""
        return []

    def collect(self) -> Iterable[Metric]:
        """The numbers as they are now."""
        meters = self._host.meters()
        yield from _hooks(meters)
        yield from _plugins(meters)
        workers = GaugeMetricFamily(
            "lockgate_workers", "Workers that run.", labels=["plugin"]
        )
        running = self._host.workers()
        for plugin in meters:
            workers.add_metric([plugin], int(plugin in running))
        yield workers


def _hooks(meters: Mapping[str, Meter]) -> Iterable[Metric]:
    names = ["plugin", "hook"]
    seconds = HistogramMetricFamily(
        "lockgate_call_seconds", "Wall time of calls, as the host saw it.", labels=names
    )
    failures = CounterMetricFamily(
        "lockgate_call_failures", "Calls that failed.", labels=[*names, "code"]
    )
    for plugin, meter in meters.items():
        for hook, one in list(meter.hooks.items()):
            counts = zip(_BOUNDS, accumulate(one.buckets), strict=True)
            seconds.add_metric([plugin, hook], list(counts), one.seconds)
            for code, count in list(one.failures.items()):
                failures.add_metric([plugin, hook, code], count)
    yield seconds
    yield failures


def _plugins(meters: Mapping[str, Meter]) -> Iterable[Metric]:
    for name, about, attribute in (
        ("worker_starts", "Workers that were started.", "starts"),
        ("worker_deaths", "Workers that died by their own fault.", "deaths"),
        ("queue_waits", "Calls that waited for another call's end.", "waits"),
        ("queue_wait_seconds", "How long they waited.", "wait_seconds"),
    ):
        family = CounterMetricFamily(f"lockgate_{name}", about, labels=["plugin"])
        for plugin, meter in meters.items():
            family.add_metric([plugin], getattr(meter, attribute))
        yield family
