"""What a worker began and nobody came back for ends with it, or when it has failed."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from lockgate_sandbox import HostGrant, Quota
from lockgate_sandbox.broker import _broker
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


def _dials(lab: Lab, bench: MakeBench, port: int) -> list[str]:
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

    wait_until(begun, 3)
    at.broker.close()
    return told


def test_connections_that_nobody_collected_end_with_their_worker(
    lab: Lab, bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(_silent) as server:
        assert _dials(lab, bench, server.port) == ["begun"]
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731
        monkeypatch.setattr(_broker, "_noted", nothing)
        (told,) = _dials(lab, bench, server.port)
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
