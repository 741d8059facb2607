"""Meters: exact under threads, refilled by time, never overdrawn."""

from __future__ import annotations

import threading

import pytest

from lockgate_sandbox import HostGrant, Quota, parse_host_grant
from lockgate_sandbox.broker._quota import Meter, Meters, QuotaError
from lockgate_sandbox.grant_text import write_host_grant


def test_bytes_are_shared_by_threads_and_never_overdrawn() -> None:
    meter = Meter(Quota(bytes=100_000), "all")
    taken: list[int] = []

    def take() -> None:
        while True:
            try:
                amount = meter.reserve(37)
            except QuotaError:
                return
            meter.give_back(amount // 3)
            taken.append(amount - amount // 3)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == meter.used_bytes <= 100_000


def test_the_rate_fills_up_again_with_time() -> None:
    now = [0.0]
    meter = Meter(Quota(per_second=2, burst=3), "all", clock=lambda: now[0])
    for _ in range(3):
        meter.take_request()
    with pytest.raises(QuotaError, match="2 requests a second"):
        meter.take_request()
    now[0] += 0.5
    meter.take_request()
    with pytest.raises(QuotaError):
        meter.take_request()
    now[0] += 1_000
    for _ in range(3):
        meter.take_request()
    with pytest.raises(QuotaError):
        meter.take_request()


def test_requests_end_for_good() -> None:
    meter = Meter(Quota(requests=2), "a.test")
    meter.take_request()
    meter.take_request()
    with pytest.raises(QuotaError, match=r"a\.test is used up: 2 requests") as caught:
        meter.take_request()
    assert caught.value.hint
    assert meter.used_requests == 2


@pytest.mark.parametrize(
    ("quota", "larger"),
    [
        (Quota(requests=1), Quota(requests=2)),
        (Quota(burst=1, per_second=0.001), Quota(burst=2, per_second=0.002)),
        (Quota(burst=1, per_second=0.5), Quota(burst=2, per_second=1.0)),
    ],
)
def test_twice_as_much_is_proposed_and_can_be_written(
    quota: Quota, larger: Quota
) -> None:
    meter = Meter(quota, "a.test", clock=lambda: 0.0)
    meter.take_request()
    with pytest.raises(QuotaError) as caught:
        meter.take_request()

    assert caught.value.larger == larger
    grant = HostGrant("a.test", quota=larger)
    assert parse_host_grant(write_host_grant(grant)) == grant


def test_bytes_that_are_proposed_would_be_enough_for_as_many_again() -> None:
    meter = Meter(Quota(bytes=10), "a.test")
    meter.reserve(10)
    with pytest.raises(QuotaError) as caught:
        meter.reserve(1)

    assert caught.value.larger == Quota(bytes=20)
    told = caught.value.helped_by("do this")
    assert str(told) == f"{told.reason}. To allow it: do this"
    assert (told.hint, told.meter) == ("do this", meter)


def test_two_meters_give_what_the_smaller_has() -> None:
    own, total = Meter(Quota(bytes=10), "own"), Meter(Quota(bytes=6), "all")
    both = Meters(own, total)
    assert both.reserve(8) == 6
    assert (own.used_bytes, total.used_bytes) == (6, 6)
    with pytest.raises(QuotaError, match="all"):
        both.reserve(1)
    assert own.used_bytes == 6
    both.give_back(6)
    assert (own.used_bytes, total.used_bytes) == (0, 0)
