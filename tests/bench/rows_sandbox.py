"""What a call to a warm sealed worker costs.

A call with its reply, on one core where the row says so, because placement alone
changes a round trip five-fold.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from lockgate_sandbox import Policy
from lockgate_sandbox.errors import Data
from tests.bench.harness import Row, paired, per_call, pinned
from tests.bench.workers import echo_sandbox

__all__ = ["ROWS"]

_CALLS = 300


def _echo(value: Data) -> Data:
    return value


def _raw_echo(stack: ExitStack) -> socket.socket:
    """A forked child that sends back each packet: the floor of any round trip."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        mine.close()
        while data := theirs.recv(1 << 17):
            theirs.send(data)
        os._exit(0)
    theirs.close()
    stack.callback(os.waitpid, child, 0)
    stack.callback(mine.close)
    return mine


def _warm(name: str, size: int, raw: bool, target: float) -> Row:
    with ExitStack() as stack:
        placement = stack.enter_context(pinned())
        sandbox, folder = stack.enter_context(echo_sandbox())
        policy = Policy.for_tier("read-only")
        worker = sandbox.worker(policy, target="echo:build", path=[folder])
        data = "x" * size
        arguments: dict[str, Data] = {"data": data}
        if raw:
            pipe, packet = _raw_echo(stack), data.encode()

            def once() -> object:
                pipe.send(packet)
                return pipe.recv(1 << 17)

            peer_name = "raw SEQPACKET echo"
        else:
            pool = stack.enter_context(ProcessPoolExecutor(1))

            def once() -> object:
                return pool.submit(_echo, data).result()

            peer_name = "ProcessPoolExecutor"
        return paired(
            name,
            per_call(lambda: worker.call("echo", arguments), _CALLS),
            per_call(once, _CALLS),
            peer_name=peer_name,
            target=target,
            rounds=11,
            placement=placement,
        )


def _warm_row(size: int, raw: bool, target: float) -> Callable[[str], Row]:
    return lambda name: _warm(name, size, raw, target)


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-warm-100B-pool": _warm_row(100, raw=False, target=1 / 5),
    "sandbox-warm-10KiB-pool": _warm_row(10_240, raw=False, target=1 / 5),
    "sandbox-warm-100B-raw": _warm_row(100, raw=True, target=2.0),
    "sandbox-warm-10KiB-raw": _warm_row(10_240, raw=True, target=2.0),
}
