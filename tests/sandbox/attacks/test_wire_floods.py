"""Workers that speak the raw protocol to wear their host out: its memory, its time.

Each attack is a flood of frames that are well-formed one by one. What is looked at is
the host's own process.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from lockgate_sandbox import MessageLimitError, ProtocolError, WallLimitError
from lockgate_sandbox.errors import Data
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_MIB = 1 << 20

_RAW = (
    FIND
    + """
call = session._now.call
def ask(number, data):
    head = b"\\x95\\x09\\xc4\\x08" + call + b"\\xce" + struct.pack(">I", number)
    frame(head + b"\\xa2up\\x81\\xa1a\\xc6" + struct.pack(">I", len(data)) + data)
"""
)


def _resident_bytes() -> int:
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * 4096


def _up(_: dict[str, Data]) -> Data:
    return None


def _up_large(_: dict[str, Data]) -> Data:
    return "z" * (8 * _MIB)


@contextmanager
def _grows_by(limit: int) -> Generator[None]:
    """The host's memory grows by less than `limit` bytes in the block."""
    before, peak, ended = _resident_bytes(), [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], _resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
    assert peak[0] - before < limit


@pytest.mark.parametrize(
    "flood",
    ["while True: frame(b'\\x91\\x0c')", "for n in range(1, 1 << 32): ask(n, b'')"],
    ids=["empty batches", "questions"],
)
def test_a_flood_of_frames_ends_at_the_wall_limit(lab: Lab, flood: str) -> None:
    started = time.monotonic()
    given = policy(limits={"wall_seconds": 1.5, "cpu_seconds": 30})
    with (
        lab.worker(given, callbacks={"up": _up}) as worker,
        pytest.raises(WallLimitError),
    ):
        worker.call(_RAW + flood)
    assert time.monotonic() - started < 4


def test_a_stream_that_is_never_waited_for_ends_at_the_wall_limit(lab: Lab) -> None:
    given = policy(limits={"wall_seconds": 1.5, "cpu_seconds": 30})
    code = "import itertools\nresult = (n for n in itertools.count())"
    with lab.worker(given) as worker:
        stream, end = worker.stream(code), time.monotonic() + 4
        with pytest.raises(WallLimitError):
            deque(takewhile(lambda _: time.monotonic() < end, stream), maxlen=0)


def test_questions_while_the_host_sends_do_not_fill_its_memory(lab: Lab) -> None:
    # The first answer is large and never read: all the rest comes while it is sent.
    code = _RAW + f"for n in range(1, 1 << 32): ask(n, bytes({2 * _MIB}))"
    limits = {"wall_seconds": 8, "cpu_seconds": 30, "message_bytes": 16 * _MIB}
    with (
        lab.worker(policy(limits=limits), callbacks={"up": _up_large}) as worker,
        _grows_by(160 * _MIB),
        pytest.raises(MessageLimitError, match="nobody has taken"),
    ):
        worker.call(code)


def test_small_answers_of_many_nodes_do_not_fill_its_memory(lab: Lab) -> None:
    limits = {"wall_seconds": 60, "cpu_seconds": 60, "message_bytes": 4 * _MIB}
    with lab.worker(policy(limits=limits)) as worker, _grows_by(240 * _MIB):
        calls = [worker.submit("result = [[]] * 900_000") for _ in range(9)]
        with pytest.raises(MessageLimitError, match="nobody has taken"):
            calls[-1].result()


def test_a_frame_of_countless_buffers_is_refused_before_it_is_read(lab: Lab) -> None:
    code = """
count = 600_000
frame(b"\\x93\\x07\\xc4\\x08" + call + b"\\xdd" + struct.pack(">I", count)
      + b"\\xc7\\x04\\x02\\x03B:0" * count)
"""
    with (
        lab.worker(policy()) as worker,
        pytest.raises(MessageLimitError, match="buffers"),
    ):
        worker.call(_RAW + code)


def test_a_room_is_asked_for_once_at_a_time(lab: Lab) -> None:
    code = _RAW + "while True: frame(b'\\x92\\x12\\xce\\x00\\x01\\x00\\x00')"
    with lab.worker(policy()) as worker, pytest.raises(ProtocolError, match="ROOM"):
        worker.call(code)
