"""What a call to a warm sealed worker costs, one after the other and many at once.

One after the other on one core, because placement alone changes a round trip
five-fold; many at once wherever the kernel puts them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

from lockgate_sandbox.errors import Data
from tests.bench.harness import Row, Unavailable, paired, per_call, pinned
from tests.bench.workers import echo_worker, seqpacket

__all__ = ["ROWS"]

_CALLS = 500
_MANY = 4000
_IN_FLIGHT = 64

Once = Callable[[], object]
Peer = Callable[[ExitStack, str], Callable[[], float]]
"""From a stack to clean up and the data to the peer's side of a row."""


def _echo(value: Data) -> Data:
    return value


def _process_pool(stack: ExitStack, data: str) -> Callable[[], float]:
    pool = stack.enter_context(ProcessPoolExecutor(1))
    return per_call(lambda: pool.submit(_echo, data).result(), _CALLS)


def _zmq_server(address: str) -> None:
    import zmq

    socket: Any = zmq.Context[Any].instance().socket(zmq.REP)
    socket.bind(address)
    while (data := socket.recv()) != b"end":
        socket.send(data)


def _pyzmq(stack: ExitStack, data: str) -> Callable[[], float]:
    try:
        import zmq
    except ImportError:
        reason = "pyzmq is not installed"
        raise Unavailable(reason) from None
    address = f"ipc://{stack.enter_context(TemporaryDirectory())}/echo"
    child = os.fork()
    if not child:
        try:
            _zmq_server(address)
        finally:
            os._exit(0)
    socket: Any = zmq.Context[Any].instance().socket(zmq.REQ)
    socket.connect(address)

    def end() -> None:
        socket.send(b"end")
        os.waitpid(child, 0)
        socket.close(0)

    stack.callback(end)
    packet = data.encode()

    def once() -> object:
        socket.send(packet)
        return socket.recv()

    return per_call(once, _CALLS)


def _warm_row(size: int, peer: Peer, name: str, target: float) -> Callable[[str], Row]:
    def row(row_name: str) -> Row:
        with ExitStack() as stack:
            placement = stack.enter_context(pinned())
            worker = echo_worker(stack)
            data = "x" * size
            arguments: dict[str, Data] = {"data": data}
            return paired(
                row_name,
                per_call(lambda: worker.call("echo", arguments), _CALLS),
                peer(stack, data),
                peer_name=name,
                target=target,
                rounds=15,
                placement=placement,
            )

    return row


def _in_flight(name: str) -> Row:
    """Seconds a call with sixty-four under way."""
    with ExitStack() as stack:
        worker = echo_worker(stack)
        data = "x" * 100
        pool = stack.enter_context(ProcessPoolExecutor(1))

        def ours() -> float:
            calls: Any = ({"data": data} for _ in range(_MANY))
            started = time.perf_counter()
            for _ in worker.map("echo", calls, in_flight=_IN_FLIGHT):
                pass
            return (time.perf_counter() - started) / _MANY

        def peer() -> float:
            started = time.perf_counter()
            for _ in range(_MANY // _IN_FLIGHT):
                futures = [pool.submit(_echo, data) for _ in range(_IN_FLIGHT)]
                for future in futures:
                    future.result()
            return (time.perf_counter() - started) / _MANY

        peer_name = "ProcessPoolExecutor"
        return paired(name, ours, peer, peer_name=peer_name, target=1 / 8, rounds=9)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-warm-100B-c": _warm_row(100, seqpacket, "C SEQPACKET echo", 2.0),
    "sandbox-warm-100B-pool": _warm_row(
        100, _process_pool, "ProcessPoolExecutor", 1 / 5
    ),
    "sandbox-warm-100B-zmq": _warm_row(100, _pyzmq, "pyzmq REQ/REP", 1 / 2),
    "sandbox-warm-10KiB-c": _warm_row(10_240, seqpacket, "C SEQPACKET echo", 2.0),
    "sandbox-warm-10KiB-pool": _warm_row(
        10_240, _process_pool, "ProcessPoolExecutor", 1 / 5
    ),
    "sandbox-64-in-flight": _in_flight,
}
