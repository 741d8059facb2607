"""How near to an echo in C a call in Python can come at all.

None of these is ours, but for the worker of one: two Pythons that carry the same call,
with one thing more from row to row. All are measured against the same program in C, on
one core.
"""

from __future__ import annotations

import io
import os
import select
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from lockgate_sandbox._line.flights import Flights
from lockgate_sandbox._seal.enforce import prepare
from lockgate_sandbox._wire.buffers import SCALAR
from lockgate_sandbox._wire.frame import LENGTH, PACKET_BYTES
from lockgate_sandbox._wire.host_end import decode_plain
from lockgate_sandbox.linux import seccomp
from lockgate_sandbox.policy import Policy
from lockgate_sandbox.posture import Posture
from lockgate_sandbox.replies import Reply, Usage
from tests.bench.harness import Row, paired, per_call, pinned
from tests.bench.workers import echo_worker, seqpacket

__all__ = ["ROWS"]

_CALLS = 500
_WAIT_SECONDS = 0.002
_DATA = "x" * 100

Once = Callable[[], object]
Side = Callable[[ExitStack], Once]
"""From a stack to clean up to one call."""


def _as_we_are() -> None:
    """Be as a worker of ours is to the kernel: of another session, and filtered.

    The scheduler groups by session, and who is filtered enters the kernel the long way.
    """
    os.setsid()
    filters = prepare(Policy.for_tier("read-only")).filters
    seccomp.install(*filters["shared-uid"])


def _forked(stack: ExitStack, work: Callable[[], object]) -> None:
    """Do `work` in a child, which ends when its other end is closed."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    stack.callback(os.waitpid, child, 0)


def _by_socket(become: Callable[[], object] = lambda: None) -> Side:
    """Python and msgpack on both sides of such a socket, and nothing else."""
    from msgspec import msgpack

    encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode

    def side(stack: ExitStack) -> Once:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def work() -> None:
            mine.close()
            become()
            while packet := theirs.recv(PACKET_BYTES):
                _, call, _, arguments = decode(packet)
                theirs.send(encode([7, call, arguments]))

        _forked(stack, work)
        theirs.close()
        stack.callback(mine.close)

        def once() -> object:
            mine.send(encode([2, b"abcdefgh", "echo", {"data": _DATA}]))
            return decode(mine.recv(PACKET_BYTES))

        return once

    return side


def _pipes(
    stack: ExitStack, work: Callable[[int, int], object]
) -> tuple[int, int, select.epoll]:
    """Where calls are written, answers read, and both waited for; `work` has the rest.

    One more pipe, to which nothing is written, is listened to as output is.
    """
    call_end, calls = os.pipe()
    answers, answer_end = os.pipe()
    output, output_end = os.pipe()

    def child() -> None:
        os.close(calls)
        _as_we_are()
        work(call_end, answer_end)

    _forked(stack, child)
    ear = stack.enter_context(select.epoll())
    for fd in (answers, output):
        ear.register(fd, select.EPOLLIN)
    for fd in (call_end, answer_end, answers, output, output_end, calls):
        stack.callback(os.close, fd)
    return calls, answers, ear


def _by_pipes(stack: ExitStack) -> Once:
    """The same by two pipes, of which one is waited for no longer than for a time."""
    from msgspec import msgpack

    encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode

    def work(call_end: int, answer_end: int) -> None:
        while packet := os.read(call_end, PACKET_BYTES):
            _, call, _, arguments = decode(packet)
            os.write(answer_end, encode([7, call, arguments]))

    calls, answers, ear = _pipes(stack, work)

    def once() -> object:
        os.write(calls, encode([2, b"abcdefgh", "echo", {"data": _DATA}]))
        while not ear.poll(_WAIT_SECONDS, 4):
            pass
        return decode(os.read(answers, PACKET_BYTES))

    return once


def _checked(stack: ExitStack) -> Once:
    """The shortest call by pipes that believes nothing and says what was used.

    One straight function on either side: arguments that may cross, an id that can't be
    guessed, an answer of that id and of plain types, a limit of time, what was printed
    is looked for, and a `Reply`. No threads, no second kind of call, no signals.
    """
    from msgspec import msgpack

    encode = msgpack.Encoder().encode

    def work(call_end: int, answer_end: int) -> None:
        decode, encode_into = msgpack.Decoder().decode, msgpack.Encoder().encode_into
        out = bytearray()

        def handler(_: str, arguments: Any) -> Any:
            return arguments

        while packet := os.read(call_end, PACKET_BYTES):
            _, call, method, arguments = decode(packet)
            encode_into((7, call, handler(method, arguments)), out, 0)
            sys.stdout.flush()
            sys.stderr.flush()
            os.write(answer_end, out)

    calls, answers, ear = _pipes(stack, work)
    hear, read, write = ear.poll, io.FileIO(answers, closefd=False).readinto, os.write
    room, now = memoryview(bytearray(PACKET_BYTES)), time.monotonic
    flights, posture = Flights(1 << 20), Posture((), -1, 0)
    answered = [(answers, select.EPOLLIN)]

    def call(method: str, arguments: dict[str, Any]) -> Reply:
        started = now()
        for key, item in arguments.items():
            if type(key) is not str or type(item) not in SCALAR:
                raise TypeError(key)
        ident = flights.fresh_id()
        write(calls, encode((2, ident, method, arguments)))
        while hear(_WAIT_SECONDS, 4) != answered:
            if now() > started + 1:
                raise TimeoutError
        frame = decode_plain(room[: read(room)])
        if frame[0] != 7 or frame[1] != ident:
            raise ValueError(frame)
        return Reply(frame[2], Usage(0.0, now() - started, 0, 0), posture, "")

    arguments = {"data": _DATA}
    return lambda: call("echo", arguments)


def _unchecked(stack: ExitStack) -> Once:
    """A sealed worker of ours, by the socket, and a host that checks nothing."""
    from msgspec import msgpack

    worker = echo_worker(stack)
    end = worker.line.channel.socket
    room = bytearray(PACKET_BYTES)
    view, flags = memoryview(room), socket.MSG_TRUNC
    encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode

    def once() -> object:
        packet = encode((2, b"abcdefgh", "echo", {"data": _DATA}))
        end.send(LENGTH.pack(len(packet)) + packet)
        try:
            size = end.recv_into(room, PACKET_BYTES, flags)
        except BlockingIOError:  # its timeout, on a busy machine
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bytes(16))
            size = end.recv_into(room, PACKET_BYTES, flags)
        return decode(view[4:size])

    return once


def _floor(side: Side) -> Callable[[str], Row]:
    def row(name: str) -> Row:
        with ExitStack() as stack:
            placement = stack.enter_context(pinned())
            return paired(
                name,
                per_call(side(stack), _CALLS),
                seqpacket(stack, _DATA),
                peer_name="C SEQPACKET echo",
                target=2.0,
                rounds=15,
                placement=placement,
            )

    return row


ROWS: dict[str, Callable[[str], Row]] = {
    "floor-100B-python": _floor(_by_socket()),
    "floor-100B-session": _floor(_by_socket(_as_we_are)),
    "floor-100B-pipes": _floor(_by_pipes),
    "floor-100B-checked": _floor(_checked),
    "floor-100B-unchecked": _floor(_unchecked),
}
