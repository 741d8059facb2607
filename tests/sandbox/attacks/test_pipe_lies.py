"""Workers that lie about the pipe of their calls, and children about their job.

The host takes nothing from the pipe, and of what comes by the socket only what may
come at that moment: whoever forges, repeats, delays or tears costs itself its worker.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator

import pytest

from lockgate_sandbox import (
    ProtocolError,
    SandboxError,
    WallLimitError,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox._wire.frame import Kind
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel

_ROW = 12
"""Calls after which the pipe is there."""

_PATIENCE = 50 * _ROW
"""Calls after which it is there also where others have the cores."""


def _and_by_socket(worker: Worker, code: str) -> None:
    """Run `code`, and call again by the socket: answers by the pipe come before it."""
    run(worker, code)
    run(worker, "result = 1", data=[1])


_THEIRS = {Kind.REPLY, Kind.RAISE, Kind.ASK, Kind.ITEM, Kind.CREDIT, Kind.BATCH}
_ONLY_OURS = [kind for kind in Kind if kind not in {*_THEIRS, Kind.ROOM}]


@pytest.fixture(autouse=True)
def _next_worker_works(lab: Lab) -> Iterator[None]:
    yield
    with lab.worker(policy()) as worker:
        _in_a_row(worker)


def _in_a_row(worker: Worker) -> None:
    for n in range(_ROW):
        assert run(worker, f"result = {n}") == n
    assert worker.line.channel.piped


@pytest.mark.parametrize("kind", _ONLY_OURS, ids=lambda kind: kind.name)
def test_a_frame_that_only_a_host_sends_ends_its_sender(lab: Lab, kind: Kind) -> None:
    code = f"session._channel.send([{int(kind)}, session._now.call, 1, 2])"
    with lab.worker(policy()) as worker:
        _in_a_row(worker)
        with pytest.raises(ProtocolError, match="may not come"):
            _and_by_socket(worker, code)
        assert not worker.alive


@pytest.mark.parametrize("mark", [b"L", b"", b"F", b"LLLL", b"\x02\0\0\0L"])
def test_a_mark_that_only_a_host_sends_ends_its_sender(lab: Lab, mark: bytes) -> None:
    with lab.worker(policy()) as worker:
        _in_a_row(worker)
        with pytest.raises((ProtocolError, WorkerDiedError)):
            _and_by_socket(worker, f"session._channel.socket.send({mark!r})")
        assert not worker.alive


# -- the question whether it takes the pipe --------------------------------------------

_AT_PIPE = """
    kind = type(session._channel)
    take = kind.enter_pipe
    REPLY, RAISE, ASK = 7, 8, 9

    def lie(channel, frame):
        call, send = frame[1], channel.send
{lie}

    kind.enter_pipe = lie
    result = 0
"""


def _lies(worker: Worker, lie: str) -> SandboxError | None:
    """What the host makes of a worker that does `lie` when it is given the pipe."""
    run(worker, _AT_PIPE.replace("{lie}", textwrap.indent(lie, " " * 8)))
    try:
        for n in range(_PATIENCE):
            assert run(worker, f"result = {n}") == n
            if worker.line.channel.piped:  # it was asked, and has told its lie
                break
        for n in range(_ROW):
            assert run(worker, f"result = {n}") == n
    except SandboxError as error:
        return error
    return None


@pytest.mark.parametrize(
    "lie",
    [
        "take(channel, frame); send([REPLY, call, True])",  # and once more
        "take(channel, frame); send([REPLY, b'xxxxxxxx', True])",
        "take(channel, frame); send([REPLY, call])",
        "take(channel, frame); send([RAISE, call, 'E', 'no', '', None])",
        "take(channel, frame); send([ASK, call, 2, 'up', {}])",
        "take(channel, frame); send([10, call, 'a', 'b'])",
        "take(channel, frame); send([3, [REPLY, call, True]])",
        "send(frame)",
    ],
)
def test_a_lie_about_the_pipe_ends_the_liar(lab: Lab, lie: str) -> None:
    with lab.worker(policy()) as worker:
        error = _lies(worker, lie)
        assert isinstance(error, ProtocolError), error
        assert not worker.alive


@pytest.mark.parametrize(
    "lie",
    [
        "take(channel, frame); send([REPLY, call, 1]); channel.send = len",
        "import os; os._exit(3)",
        "channel.socket.close()",
        "raise SystemExit",
    ],
)
def test_whoever_does_not_answer_the_pipe_is_no_more(lab: Lab, lie: str) -> None:
    with lab.worker(policy(limits={"wall_seconds": 0.5})) as worker:
        error = _lies(worker, lie)
        assert isinstance(error, (ProtocolError, WorkerDiedError)), error
        assert not worker.alive


def test_a_worker_that_is_long_in_taking_its_pipe_has_its_wall_time(lab: Lab) -> None:
    with lab.worker(policy(limits={"wall_seconds": 0.5})) as worker:
        started = time.monotonic()
        error = _lies(worker, "import time; time.sleep(60)")
        assert isinstance(error, WallLimitError)
        assert time.monotonic() - started < 10


def test_a_caller_in_a_hurry_waits_no_longer_for_the_pipe(lab: Lab) -> None:
    with lab.worker(policy(limits={"wall_seconds": 20})) as worker:
        lie = _AT_PIPE.replace("{lie}", " " * 8 + "import time; time.sleep(60)")
        run(worker, lie)
        started = time.monotonic()
        with pytest.raises(WallLimitError):  # noqa: PT012 - one of these
            for _ in range(_ROW):
                worker.call("result = 1", timeout=0.3)
        assert time.monotonic() - started < 5


def test_a_worker_that_denies_its_pipe_is_called_by_the_socket(lab: Lab) -> None:
    with lab.worker(policy(limits={"wall_seconds": 0.5})) as worker:
        error = _lies(
            worker, "take(channel, frame); send([REPLY, call, False]); raise OSError"
        )
        assert isinstance(error, WorkerDiedError), error


# -- in the pipe -----------------------------------------------------------------------


def test_a_worker_that_leaves_its_pipe_unread_has_its_wall_time(lab: Lab) -> None:
    code = """
        import time
        type(session._channel).from_pipe = lambda channel: time.sleep(60)
    """
    with lab.worker(policy(limits={"wall_seconds": 0.5})) as worker:
        _in_a_row(worker)
        run(worker, code)
        with pytest.raises(WallLimitError):
            run(worker, "result = 1")
        assert not worker.alive


_BEFOREHAND = """
    import time
    def frame(call, value):
        body = bytes([0x93, 7, 0xc4, len(call)]) + call + bytes([value])
        session._channel.socket.send(len(body).to_bytes(4, "little") + body)
    call = session._now.call
    frame(call, 1)
    frame(GUESS, 66)
    time.sleep(5)
"""


def test_an_answer_before_its_question_is_forged(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        _in_a_row(worker)
        assert run(worker, _BEFOREHAND.replace("GUESS", "bytes(8)")) == 1
        with pytest.raises(ProtocolError, match="forged"):
            run(worker, "result = 2")


def test_an_answer_before_its_question_counts_where_ids_can_be_guessed(
    lab: Lab,
) -> None:
    with lab.worker(policy()) as worker:
        _in_a_row(worker)
        worker.line.flights.ids[:] = [b"%08d" % n for n in range(9)]
        guess = "b'%08d' % (int(call) - 1)"
        assert run(worker, _BEFOREHAND.replace("GUESS", guess)) == 1
        assert run(worker, "result = 2") == 66  # nobody has run it
