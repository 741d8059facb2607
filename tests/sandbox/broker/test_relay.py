"""A relay's ends may go away at any moment: nobody else may notice."""

from __future__ import annotations

import signal
import socket
from types import FrameType

from lockgate_sandbox.broker._quota import Meter, Meters, QuotaError
from lockgate_sandbox.broker._relay import Relay, Relays
from lockgate_sandbox.grants import Quota
from tests.support.sandbox import wait_until


def test_a_worker_that_goes_away_is_no_signal_to_the_host() -> None:
    ended: list[str] = []
    signals: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    def over(_relay: Relay, reason: str) -> None:
        ended.append(reason)

    def short(error: QuotaError) -> None:
        ended.append(str(error))

    meters = Meters(Meter(Quota(), "here"), Meter(Quota(), "all"))
    previous = signal.signal(signal.SIGPIPE, note)
    relays = Relays()
    try:
        near, worker = socket.socketpair()
        far, server = socket.socketpair()
        far.setblocking(False)
        with worker, server:
            worker.shutdown(socket.SHUT_RD)  # it wants no more, and does not say so
            relays.add(
                Relay(near, far, meters, idle_seconds=5, ended=over, short=short)
            )
            server.sendall(b"more")
            assert wait_until(lambda: bool(ended))
    finally:
        relays.close()
        signal.signal(signal.SIGPIPE, previous)
    assert signals == []
