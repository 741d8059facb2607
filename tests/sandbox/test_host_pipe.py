"""Answers by the pipe: what the host makes of whatever is written there."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack

from lockgate_sandbox import RemoteError, WallLimitError
from lockgate_sandbox._wire.frame import ChannelClosed
from lockgate_sandbox._wire.host_end import HostChannel, decode_plain
from lockgate_sandbox._wire.scan import FrameError
from tests.support.sandbox import Lab, policy, run

_ID = b"abcdefgh"
_ROW = 12
"""Calls after which the pipes are there."""


class _Waited(Exception):  # noqa: N818 - no error
    """The channel would have waited."""


def _wait() -> None:
    raise _Waited


@contextmanager
def _owed() -> Generator[tuple[HostChannel, int, socket.socket]]:
    """A channel that waits for an answer, and the worker's ends of it."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.settimeout(0)
    channel = HostChannel(mine, 1 << 20)
    end = os.dup(channel.open_pipe(-1).guests[1])
    channel.open_pipe(-1).given()
    channel.owed, channel.under_way = _ID, {_ID}
    try:
        yield channel, end, theirs
    finally:
        os.close(end)
        theirs.close()
        channel.close()


def _came(data: bytes) -> object:
    with _owed() as (channel, end, _):
        if data:
            os.write(end, data)
        try:
            frame: Any = channel.receive(_wait)
        except (FrameError, _Waited) as error:
            return type(error)
        return repr(frame), channel.received_bytes


def _judge(data: bytes) -> None:
    """Only a plain REPLY arrives, and it as the checked decoder gives it."""
    came = _came(data)
    if not data:
        assert came is _Waited
        return
    try:
        frame = decode_plain(data)
    except (ValueError, RecursionError):
        assert came is FrameError
        return
    if frame[0] == 7:
        assert isinstance(came, tuple)
        assert came[0] == repr(frame)
        assert came[1] >= len(data)
    else:
        assert came is FrameError


@given(junk=st.binary(max_size=200))
@example(junk=b"")
@example(junk=b"L")
def test_junk_is_no_answer(junk: bytes) -> None:
    _judge(junk)


_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(
    value=_VALUE,
    kind=st.sampled_from([7, 7, 7, 8, 9, 12, 13]),
    at=st.integers(0, 10_000),
    flip=st.none() | st.integers(0, 255),
    cut=st.integers(0, 3),
    more=st.binary(max_size=3),
)
def test_a_frame_changed_cut_or_followed_is_judged(
    value: object, kind: int, at: int, flip: int | None, cut: int, more: bytes
) -> None:
    raw = bytearray(msgpack.encode((kind, _ID, value)))
    if flip is not None:
        raw[at % len(raw)] = flip
    _judge(bytes(raw[: len(raw) - cut]) + more)


def test_an_answer_counts_though_its_worker_is_gone() -> None:
    with _owed() as (channel, end, theirs):
        os.write(end, msgpack.encode((7, _ID, 1)))
        theirs.close()
        assert channel.receive(_wait) == (7, _ID, 1)
        with pytest.raises(ChannelClosed):
            channel.receive(_wait)


def test_the_end_of_the_pipe_alone_is_the_end() -> None:
    with _owed() as (channel, end, _):
        os.dup2(os.open(os.devnull, os.O_RDONLY), end)
        with pytest.raises(ChannelClosed):
            channel.receive(_wait)


def test_what_is_owed_no_more_is_not_looked_for() -> None:
    with _owed() as (channel, end, theirs):
        os.write(end, b"junk")
        channel.under_way = {}
        raw = msgpack.encode((7, _ID, 1))
        theirs.send(len(raw).to_bytes(4, "little") + raw)
        assert channel.receive(_wait) == (7, _ID, 1)
        assert channel.owing < 0


@pytest.mark.kernel
def test_answers_of_all_kinds_and_times_come(lab: Lab) -> None:
    with lab.worker(policy(), callbacks={"up": lambda _: 1}) as worker:
        for turn in range(3 * _ROW):
            assert run(worker, f"result = {turn}") == turn
            reply = worker.call("print('said', flush=False)\nresult = 'x'", {})
            assert (reply.value, reply.output) == ("x", "said\n")
            slow = "import time\ntime.sleep(0.01)\nresult = {'n': 1.5}"
            assert run(worker, slow) == {"n": 1.5}
            assert run(worker, "result = session.call_host('up')") == 1
            assert run(worker, "result = [b'bytes']") == [b"bytes"]
            with pytest.raises(RemoteError, match="this"):
                run(worker, "raise ValueError('this')")
        for length in (4000, 5000, 61_000, 61_440, 65_500, 65_536, 200_000):
            for _ in range(_ROW):
                run(worker, "result = 0")
            assert run(worker, f"result = 'x' * {length}") == "x" * length


@pytest.mark.kernel
def test_a_call_by_the_pipe_may_end_at_its_time_and_the_next_follows(lab: Lab) -> None:
    code = "while True: session.call_host('up')"
    with lab.worker(policy(), callbacks={"up": lambda _: 1}) as worker:
        for turn in range(3):
            for n in range(_ROW):
                assert run(worker, f"result = {n}") == n
            assert worker.line.channel.piped
            with pytest.raises(WallLimitError):
                worker.call(code, {}, timeout=0.05)
            assert run(worker, f"result = {turn}") == turn


@pytest.mark.kernel
def test_one_thread_waits_by_the_pipe_and_others_call_meanwhile(lab: Lab) -> None:
    got: list[object] = []
    with lab.worker(policy()) as worker:
        for turn in range(4):
            for n in range(_ROW):
                run(worker, f"result = {n}")
            slow = f"import time\ntime.sleep(0.05)\nresult = {turn}"
            thread = threading.Thread(target=lambda: got.append(run(worker, slow)))  # noqa: B023
            thread.start()
            assert [run(worker, f"result = {n}") for n in range(5)] == list(range(5))
            thread.join()
        assert got == [0, 1, 2, 3]
