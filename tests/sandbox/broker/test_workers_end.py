"""What a worker began and nobody came back for ends with it, or when it has failed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest

from lockgate_sandbox import ClosedError, Data, HostGrant, Policy, Quota
from lockgate_sandbox.broker import Broker
from lockgate_sandbox.broker._begun import KEPT, Begun
from lockgate_sandbox.broker._quota import QuotaError
from tests.sandbox.broker.conftest import Bench, MakeBench
from tests.support.sandbox import Lab, run, wait_until
from tests.support.servers import serve

pytestmark = pytest.mark.kernel

_RATE = Quota(per_second=10_000, burst=10_000)

_BEGIN = """
told = []
for _ in range(count):
    try:
        session.call_host(name, asked)
        told.append("begun")
    except Exception as error:
        told.append(str(error))
result = told
"""


def _silent(sock: socket.socket) -> None:
    while sock.recv(1 << 16):
        pass


def _grant(port: int) -> HostGrant:
    return HostGrant("127.0.0.1", (port,), allow_private=True, quota=_RATE)


def _again(lab: Lab, at: Bench, code: str, **values: object) -> list[str]:
    """What another worker of the same broker is told."""
    with lab.sandbox.worker(
        at.broker.policy,
        target="lab_target:build",
        path=[str(lab.folder)],
        broker=at.broker,
    ) as other:
        return run(other, code, **values)  # type: ignore[return-value, arg-type]


def _dials(lab: Lab, bench: MakeBench, port: int, seconds: float) -> list[str]:
    """What a second worker is told, whose predecessor left all its connections."""
    at = bench(_grant(port), total=_RATE)
    asked = {"host": "127.0.0.1", "port": port, "timeout": 5.0}
    values = {"name": "broker.net.open", "asked": asked, "count": 64}
    assert at.run(_BEGIN, **values) == ["begun"] * 64
    at.worker.close()
    told: list[str] = []

    def begun() -> bool:
        told[:] = _again(lab, at, _BEGIN, **{**values, "count": 1})
        return told == ["begun"]

    wait_until(begun, seconds)
    at.broker.close()
    return told


def test_connections_that_nobody_collected_end_with_their_worker(
    lab: Lab, bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(_silent) as server:
        assert _dials(lab, bench, server.port, 30) == ["begun"]
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731
        monkeypatch.setattr(Begun, "end", nothing)
        (told,) = _dials(lab, bench, server.port, 2)
        assert "connections at once" in told


def test_a_request_that_failed_takes_no_room(bench: MakeBench) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and never listens
        port = closed.getsockname()[1]
        at = bench(_grant(port), total=_RATE)
        asked: dict[str, object] = {
            "method": "GET",
            "scheme": "http",
            "host": "127.0.0.1",
            "port": port,
            "target": "/",
            "headers": [],
            "length": 0,
        }
        told = at.run(_BEGIN, name="broker.http.open", asked=asked, count=80)
    assert len(told) == 80
    assert all("Connection refused" in one for one in told)


def test_what_a_worker_begins_while_it_ends_is_given_up() -> None:
    with serve(_silent) as server, ExitStack() as begun:
        granted = Policy.for_tier("elevated", hosts=[_grant(server.port)])
        asked: dict[str, Data] = {"host": "127.0.0.1", "port": server.port}
        with Broker(granted) as broker:
            late = broker.callbacks(None, begun)["broker.net.open"]
            begun.close()  # as its end does, while a thread of the host still serves it
            for _ in range(64):
                with pytest.raises(ClosedError):
                    late(asked)

            def is_free() -> bool:
                with suppress(QuotaError):
                    return bool(broker.callbacks()["broker.net.open"](asked))
                return False

            assert wait_until(is_free, 30)


def test_a_worker_that_asks_for_long_is_not_remembered_for_each_time() -> None:
    held, given_up = {5, 7}, list[int]()
    begun = Begun(given_up.append, held.__contains__)
    numbers = iter(range(100 * KEPT))
    begin = begun.noting(lambda _: next(numbers))
    for _ in range(100 * KEPT):
        begin({})

    assert len(begun) <= KEPT + len(held)
    begun.end()
    assert held <= set(given_up)
