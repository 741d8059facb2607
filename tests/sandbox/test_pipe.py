"""Calls in a row come by a pipe: whatever else is sent, and whatever a worker does."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from lockgate_sandbox import PolicyError, RemoteError, Worker, WorkerDiedError
from lockgate_sandbox._wire.frame import LEAVE, ChannelClosed
from lockgate_sandbox._wire.guest_end import GuestChannel
from lockgate_sandbox._wire.host_end import HostChannel
from lockgate_sandbox._wire.scan import FrameError
from lockgate_sandbox.errors import Data
from tests.support.flow import ASYNC, PLAIN, up
from tests.support.sandbox import Lab, policy, run

_ROW = 12
"""Calls after which the pipe is there."""


def _in_a_row(worker: Worker) -> None:
    for n in range(_ROW):
        assert worker.call("echo", {"n": n}).value == {"n": n}
    assert worker.line.channel.piped


@pytest.mark.kernel
@pytest.mark.parametrize("source", [PLAIN, ASYNC], ids=["plain", "coroutines"])
def test_calls_by_pipe_and_by_socket_follow_each_other(lab: Lab, source: str) -> None:
    method = {PLAIN: "echo", ASYNC: "plain"}[source]
    lab.write("flow", source)
    with lab.worker(policy(), target="flow:build", callbacks={"up": up}) as worker:
        for turn in range(3):
            for n in range(_ROW):
                worker.call(method, {"n": n})
            assert worker.line.channel.piped
            many = worker.map(method, ({"n": n} for n in range(40)), in_flight=8)
            assert len(list(many)) == 40
            assert not worker.line.channel.piped
            worker.call(method, {"n": turn})


@pytest.mark.kernel
def test_many_calls_at_once_know_nothing_of_the_pipe(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[bool] = []
    leave = HostChannel.leave_pipe

    def note(channel: HostChannel) -> None:
        left.append(True)
        leave(channel)

    monkeypatch.setattr(HostChannel, "leave_pipe", note)
    lab.write("flow_plain", PLAIN)
    with lab.worker(policy(), target="flow_plain:build") as worker:
        calls: list[dict[str, Data]] = [{"n": n} for n in range(200)]
        assert [reply.value for reply in worker.map("echo", calls)] == calls
        assert worker.line.channel.pipe is None
        assert not left
        _in_a_row(worker)
        assert [reply.value for reply in worker.map("echo", calls)] == calls
        assert left == [True]  # once, however many frames follow


@pytest.mark.kernel
def test_what_no_pipe_takes_goes_by_the_socket(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    with lab.worker(policy(), target="flow_plain:build") as worker:
        for value in ([1, {"a": b"x"}], "x" * 70_000, b"x" * 100_000):
            _in_a_row(worker)
            data: Data = value  # type: ignore[assignment]
            assert worker.call("echo", {"data": data}).value == {"data": data}
        _in_a_row(worker)
        with pytest.raises(PolicyError):
            worker.call("echo", {"data": object()})  # type: ignore[dict-item]
        _in_a_row(worker)
        with pytest.raises(RemoteError, match="here"):
            worker.call("fail", {"text": "here"})
        _in_a_row(worker)


@pytest.mark.kernel
def test_a_call_by_pipe_may_ask_its_host(lab: Lab) -> None:
    code = "result = [session.call_host('up', {'n': 1}) for _ in range(3)]"
    with lab.worker(policy(), callbacks={"up": up}) as worker:
        for _ in range(3 * _ROW):
            assert run(worker, code) == [101, 101, 101]


@pytest.mark.kernel
def test_threads_may_call_while_the_pipe_comes_and_goes(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    wrong: list[object] = []

    def ask(worker: Worker, n: int) -> None:
        for turn in range(150):
            arguments: dict[str, Data] = (
                {"n": [n, turn]} if turn % 20 == n else {"n": n}
            )
            value = worker.call("echo", arguments).value
            if value != arguments:
                wrong.append(value)

    with lab.worker(policy(), target="flow_plain:build") as worker:
        threads = [threading.Thread(target=ask, args=(worker, n)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        _in_a_row(worker)


@pytest.mark.kernel
def test_a_worker_without_descriptors_stays_with_the_socket(lab: Lab) -> None:
    code = """
        import os, sys
        sys.kept = []
        try:
            while True:
                sys.kept.append(os.open('/dev/null', os.O_RDONLY))
        except OSError:
            pass
    """
    with lab.worker(policy()) as worker:
        run(worker, code)
        for n in range(_ROW):
            assert run(worker, f"result = {n}") == n
        assert not worker.line.channel.piped


@pytest.mark.kernel
def test_a_worker_that_closes_its_pipe_is_no_more(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        for _ in range(_ROW):
            run(worker, "result = 1")
        run(worker, "import os\nos.close(session._channel.pipe)")
        with pytest.raises(WorkerDiedError):
            run(worker, "result = 1")
        assert not worker.alive


def test_a_pipe_that_is_never_read_is_a_broken_frame() -> None:
    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = HostChannel(two, 1000)
    pipe = channel.open_pipe(-1)
    os.write(pipe.calls, bytes(1 << 20))
    channel.piped = True
    with pytest.raises(FrameError, match="not read"):
        channel.send([1])
    one.close()
    channel.close()


@pytest.mark.kernel
def test_closed_workers_leave_no_descriptor(lab: Lab) -> None:
    lab.write("flow_plain", PLAIN)
    held: list[int] = []
    for _ in range(12):
        with lab.worker(policy(), target="flow_plain:build") as worker:
            _in_a_row(worker)
        held.append(len(list(Path("/proc/self/fd").iterdir())))
    assert held[-1] <= held[0] + 8  # each would leave four; children made ahead vary


@pytest.mark.parametrize(
    ("data", "frame", "piped"),
    [
        (LEAVE, None, False),
        (LEAVE * 3, None, False),
        (b"\x92\x02\xa1L", [2, "L"], True),
        (LEAVE + b"\x92\x02\x05", [2, 5], True),
        (b"\x92\x02\x05" + LEAVE, [2, 5], False),
        (LEAVE + b"\x92\x02\xa1L" + LEAVE, [2, "L"], False),
    ],
)
def test_marks_before_and_behind_a_call_are_told_from_it(
    data: bytes, frame: object, piped: bool
) -> None:

    one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel = GuestChannel(two, 1000)
    channel.piped = True
    assert channel.sort_out(data) == frame
    assert channel.piped == piped
    with pytest.raises(ChannelClosed):
        channel.sort_out(b"")
    one.close()
    channel.close()
