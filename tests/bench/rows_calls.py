"""What a call to a warm sealed worker costs, one after the other and many at once.

One after the other on one core, because placement alone changes a round trip
five-fold; many at once wherever the kernel puts them.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lockgate_sandbox import Policy, Worker
from lockgate_sandbox._seal.enforce import prepare
from lockgate_sandbox._wire.frame import LENGTH, PACKET_BYTES
from lockgate_sandbox.errors import Data
from lockgate_sandbox.linux import seccomp
from tests.bench.harness import Row, Unavailable, compiled, paired, per_call, pinned
from tests.bench.workers import echo_sandbox

__all__ = ["ROWS"]

_CALLS = 500
_MANY = 4000
_IN_FLIGHT = 64

Once = Callable[[], object]
Peer = Callable[[ExitStack, str], Callable[[], float]]
"""From a stack to clean up and the data to the peer's side of a row."""


def _echo(value: Data) -> Data:
    return value


def _seqpacket(stack: ExitStack, data: str) -> Callable[[], float]:
    folder = stack.enter_context(TemporaryDirectory())
    source = Path(__file__).with_name("seqpacket_echo.c")
    argv = [compiled(source, Path(folder)), str(_CALLS * 10), str(len(data))]

    def side() -> float:
        done = subprocess.run(argv, capture_output=True, check=True)
        return int(done.stdout) / 1e9

    return side


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
            worker = _echo_worker(stack)
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


def _echo_worker(stack: ExitStack) -> Worker:
    sandbox, folder = stack.enter_context(echo_sandbox())
    policy = Policy.for_tier("read-only")
    return sandbox.worker(policy, target="echo:build", path=[folder])


def _in_flight(name: str) -> Row:
    """Seconds a call with sixty-four under way."""
    with ExitStack() as stack:
        worker = _echo_worker(stack)
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


def _as_we_are() -> None:
    """Be as a worker of ours is to the kernel: of another session, and filtered.

    The scheduler groups by session, and who is filtered enters the kernel the long way.
    """
    os.setsid()
    filters = prepare(Policy.for_tier("read-only")).filters
    seccomp.install(*filters["shared-uid"])


def _bare_echo(
    stack: ExitStack, data: str, become: Callable[[], object] = lambda: None
) -> Callable[[], float]:
    """Python and msgpack on both sides of such a socket, and nothing else."""
    from msgspec import msgpack

    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode
    child = os.fork()
    if not child:
        try:
            mine.close()
            become()
            while packet := theirs.recv(1 << 16):
                _, call, _, arguments = decode(packet)
                theirs.send(encode([7, call, arguments]))
        finally:
            os._exit(0)
    theirs.close()
    stack.callback(os.waitpid, child, 0)
    stack.callback(mine.close)

    def once() -> object:
        mine.send(encode([2, b"abcdefgh", "echo", {"data": data}]))
        return decode(mine.recv(1 << 16))

    return per_call(once, _CALLS)


def _floor(name: str, become: Callable[[], object] = lambda: None) -> Row:
    """Not ours: how near to C a call in Python can come at all."""
    with ExitStack() as stack:
        placement = stack.enter_context(pinned())
        data = "x" * 100
        return paired(
            name,
            _bare_echo(stack, data, become),
            _seqpacket(stack, data),
            peer_name="C SEQPACKET echo",
            target=2.0,
            rounds=15,
            placement=placement,
        )


def _unchecked(name: str) -> Row:
    """A sealed worker of ours, and a host that checks, limits and reports nothing."""
    from msgspec import msgpack

    with ExitStack() as stack:
        placement = stack.enter_context(pinned())
        worker = _echo_worker(stack)
        end = worker.line.channel.socket
        data, room = "x" * 100, bytearray(PACKET_BYTES)
        view, flags = memoryview(room), socket.MSG_TRUNC
        encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode

        def once() -> object:
            packet = encode((2, b"abcdefgh", "echo", {"data": data}))
            end.send(LENGTH.pack(len(packet)) + packet)
            try:
                size = end.recv_into(room, PACKET_BYTES, flags)
            except BlockingIOError:  # its timeout, on a busy machine
                end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bytes(16))
                size = end.recv_into(room, PACKET_BYTES, flags)
            return decode(view[4:size])

        return paired(
            name,
            per_call(once, _CALLS),
            _seqpacket(stack, data),
            peer_name="C SEQPACKET echo",
            target=2.0,
            rounds=15,
            placement=placement,
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-warm-100B-c": _warm_row(100, _seqpacket, "C SEQPACKET echo", 2.0),
    "sandbox-warm-100B-pool": _warm_row(
        100, _process_pool, "ProcessPoolExecutor", 1 / 5
    ),
    "sandbox-warm-100B-zmq": _warm_row(100, _pyzmq, "pyzmq REQ/REP", 1 / 2),
    "sandbox-warm-10KiB-c": _warm_row(10_240, _seqpacket, "C SEQPACKET echo", 2.0),
    "sandbox-warm-10KiB-pool": _warm_row(
        10_240, _process_pool, "ProcessPoolExecutor", 1 / 5
    ),
    "sandbox-64-in-flight": _in_flight,
    "floor-100B-python": _floor,
    "floor-100B-session": lambda name: _floor(name, _as_we_are),
    "floor-100B-unchecked": _unchecked,
}
