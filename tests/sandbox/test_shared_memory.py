"""Large buffers between host and worker, and what a worker can do with them."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lockgate_sandbox import (
    MessageLimitError,
    Policy,
    PolicyError,
    ProtocolError,
    RemoteError,
    Worker,
)
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel

_TARGET = """
def build(session):
    space = {"session": session, "kept": []}

    def handler(method, arguments):
        space.update(arguments)
        exec(compile(method, "<test>", "exec"), space)
        return space.pop("result", None)

    return handler
"""


def _roomy() -> Policy:
    return policy(limits={"message_bytes": 160 << 20, "memory_bytes": 1 << 30})


@pytest.fixture
def worker(lab: Lab) -> Iterator[Worker]:
    lab.write("keeps_buffers", _TARGET)
    with lab.worker(_roomy(), target="keeps_buffers:build") as worker:
        yield worker


def _call(worker: Worker, code: str, **values: object) -> Any:
    return run(worker, code, **cast("dict[str, Any]", values))


@pytest.mark.parametrize("size", [0, 100, 32_768, 1 << 20, 20 << 20])
def test_bytes_stay_bytes_whatever_their_size(worker: Worker, size: int) -> None:
    data = os.urandom(size)
    answer = _call(worker, "result = [type(data).__name__, data[::-1]]", data=data)
    assert answer == ["bytes", data[::-1]]


@pytest.mark.parametrize("count", [3, 10_000, 1_000_000])
def test_an_array_arrives_as_a_view_of_its_format_and_shape(
    worker: Worker, count: int
) -> None:
    array = np.arange(count * 2, dtype="f8").reshape(2, count)
    code = """
        result = [type(data).__name__, data.format, list(data.shape), data.readonly,
                  data[1, 0]]
    """
    answer = _call(worker, code, data=array)
    assert answer == ["memoryview", "d", [2, count], True, float(count)]


@pytest.mark.parametrize("count", [3, 1_000_000])
def test_an_array_comes_back_with_format_and_shape(worker: Worker, count: int) -> None:
    array = np.arange(count * 2, dtype="i4").reshape(count, 2)
    answer = _call(worker, "result = {'a': data, 'b': [data]}", data=array)
    assert np.array_equal(np.asarray(answer["a"]), array)
    assert np.array_equal(np.asarray(answer["b"][0]), array)
    assert answer["a"].readonly


def test_memory_is_the_same_from_call_to_call(worker: Worker) -> None:
    data = bytes(4 << 20)
    _call(worker, "result = len(data)", data=data)
    before = _mappings(worker.pid)
    for _ in range(20):
        assert _call(worker, "result = len(data)", data=data) == 4 << 20
    assert _mappings(worker.pid) == before


def _mappings(pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in lines if "memfd:lockgate" in line]


def test_arrays_that_are_let_go_are_lent_again(worker: Worker) -> None:
    make = "import array; result = memoryview(array.array('B', bytes(4 << 20)))"
    first = _call(worker, make)
    address = np.asarray(first).ctypes.data
    kept = np.asarray(first)[:10]
    second = _call(worker, make)
    assert np.asarray(second).ctypes.data != address
    del first, kept
    gc.collect()
    assert np.asarray(_call(worker, make)).ctypes.data == address


def test_many_large_values_in_one_message(worker: Worker) -> None:
    parts = [os.urandom(300_000 + n) for n in range(20)]
    assert _call(worker, "result = parts", parts=parts) == parts


def test_streams_carry_large_items_both_ways(lab: Lab) -> None:
    lab.write(
        "large_items",
        """
        def build(session):
            def handler(method, arguments):
                for item in session.items():
                    yield item
            return handler
        """,
    )
    with lab.worker(_roomy(), target="large_items:build") as worker:
        parts = [os.urandom(500_000) for _ in range(60)]
        assert list(worker.stream("x", items=parts)) == parts
        arrays = [np.full(100_000, n) for n in range(40)]
        stream = worker.stream("x", items=cast("Any", arrays))
        for array, item in zip(arrays, stream, strict=True):
            assert np.array_equal(np.asarray(item), array)


def test_buffers_of_many_calls_under_way_keep_apart(worker: Worker) -> None:
    calls = ({"data": bytes([n]) * 100_000} for n in range(50))
    replies = worker.map("result = data", calls, in_flight=20)
    for n, reply in enumerate(replies):
        assert reply.value == bytes([n]) * 100_000


def test_an_array_that_can_not_cross_is_refused_on_its_side(worker: Worker) -> None:
    with pytest.raises(PolicyError, match="can't cross"):
        _call(worker, "result = 1", data=np.zeros(100_000, "c16"))
    with pytest.raises(RemoteError, match="can't cross") as caught:
        _call(worker, "result = memoryview(b'abcd').cast('c')")
    assert caught.value.type == "TypeError"
    assert _call(worker, "result = 1") == 1


def test_a_buffer_counts_towards_the_message(lab: Lab) -> None:
    lab.write("keeps_buffers", _TARGET)
    given = replace(_roomy(), limits=replace(_roomy().limits, message_bytes=1 << 20))
    with lab.worker(given, target="keeps_buffers:build") as worker:
        with pytest.raises(MessageLimitError):
            _call(worker, "result = 1", data=bytes(1 << 20), more=bytes(40_000))
        with pytest.raises(MessageLimitError):
            _call(worker, "result = [bytes(600_000), bytes(600_000)]")
        assert _call(worker, "result = 1") == 1


def test_a_worker_can_not_write_what_it_was_sent(worker: Worker) -> None:
    code = """
        import ctypes, mmap
        outcome = []
        try:
            data[0] = 1
        except TypeError:
            outcome.append("view")
        array = data.obj if isinstance(data.obj, mmap.mmap) else None
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        libc.mprotect.restype = ctypes.c_int
        lines = [l for l in maps.splitlines() if "memfd:lockgate" in l and " r--s" in l]
        start, end = (int(x, 16) for x in lines[0].split()[0].split("-"))
        if libc.mprotect(start, end - start, 3) != 0:
            outcome.append("mprotect %d" % ctypes.get_errno())
        result = outcome
    """
    data = np.zeros(1 << 20, "u1")
    _call(worker, "result = None", data=data)
    maps = Path(f"/proc/{worker.pid}/maps").read_text()
    assert _call(worker, code, data=data, maps=maps) == ["view", "mprotect 13"]


_SEND = (
    FIND
    + """
call = session._now.call
def reply(extension):
    kind(7, call, extension)
    time.sleep(5)
place = lambda *at: struct.pack("<IQQ", *at)
"""
)


@pytest.mark.parametrize(
    "lie",
    [
        "reply(b'\\xc7\\x14\\x01' + place(77, 0, 100))",
        "reply(b'\\xc7\\x14\\x01' + place(1, 0, 1 << 40))",
        "reply(b'\\xc7\\x14\\x01' + place(1, 1 << 63, 1 << 63))",
        "reply(b'\\xc7\\x14\\x03' + place(1, 0, 1))",
        "reply(b'\\xc7\\x05\\x02\\x03B:9ab')",
        "reply(b'\\xd4\\x01\\x00')",
        "channel.send(struct.pack('<I', 3) + b'\\x92\\x12\\x00'); reply(b'\\x01')",
        "[channel.send(struct.pack('<I', 3) + b'\\x92\\x12\\x01') for _ in range(99)]",
    ],
)
def test_a_lie_about_shared_memory_kills_the_liar(worker: Worker, lie: str) -> None:
    large = "result = bytes(1 << 20)"
    assert _call(worker, large) == bytes(1 << 20)
    with pytest.raises((ProtocolError, MessageLimitError)):
        _call(worker, _SEND + lie)
    assert not worker.alive


def test_a_forged_release_counter_spoils_only_its_own_data(worker: Worker) -> None:
    code = """
        import gc
        session = next(o for o in gc.get_objects() if type(o).__name__ == "Session")
        ring = session._channel._buffers
        ring._view[0:8] = (2**63).to_bytes(8, "little")
        result = [bytes(1 << 20), bytes(1 << 20)]
    """
    assert _call(worker, "result = bytes(1 << 20)") == bytes(1 << 20)
    assert [len(item) for item in _call(worker, code)] == [1 << 20] * 2
    assert worker.alive


def test_shared_memory_is_gone_with_its_worker(lab: Lab) -> None:
    lab.write("keeps_buffers", _TARGET)
    before = _host_segments()
    with lab.worker(_roomy(), target="keeps_buffers:build") as worker:
        answer = _call(worker, "result = data", data=bytes(5 << 20))
        assert len(answer) == 5 << 20
        assert _host_segments() > before
    assert _host_segments() == before


def _host_segments() -> int:
    text = Path("/proc/self/maps").read_text()
    return text.count("memfd:lockgate")


def test_memory_of_an_answer_that_nobody_fetches_is_used_again(worker: Worker) -> None:
    data = bytes(4 << 20)
    for _ in range(20):
        worker.submit("result = len(data)", {"data": data}).cancel()
        assert _call(worker, "result = 1") == 1
    assert len(_mappings(worker.pid)) <= 2
