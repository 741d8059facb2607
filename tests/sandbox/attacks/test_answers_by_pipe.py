"""What a worker may write where its answers to calls in a row are read from.

It costs the worker, at once or with the next call, and the host nothing.
"""

from __future__ import annotations

import select
import textwrap
import time
from types import SimpleNamespace

import pytest

from lockgate_sandbox import ProtocolError, SandboxError, WallLimitError, Worker
from lockgate_sandbox._wire import host_pipe
from lockgate_sandbox._wire.host_end import HostChannel
from tests.sandbox.attacks.families.pipes import TOOLS, WRITES
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel

_ROW = 12
"""Calls after which the pipes are there."""

_TOOLS = (
    TOOLS
    + """
def raw(value):
    os.write(end, b"\\x93\\x07\\xc4\\x08" + call + value)
"""
)

_ATTACKS = {
    **WRITES,
    "no frame": "os.write(end, b'\\xc1')",
    "one byte": "os.write(end, b'L')",
    "forged, of another's length": "say(7, call[:-1], 'forged')",
    "twice": "say(7, call, 1); say(7, call, 2)",
    "torn": "one = packed(7, call, 'torn'); os.write(end, one[:5]); "
    "time.sleep(0.02); os.write(end, one[5:]); time.sleep(0.02)",
    "torn for ever": WRITES["tear an answer"] + "; time.sleep(9)",
    "too long": "os.set_blocking(end, False); say(7, call, 'x' * 65_520)",
    "a length before it": "one = packed(7, call, 1); "
    "os.write(end, len(one).to_bytes(4, 'little') + one)",
    "a RAISE": "say(8, call, 'ValueError', 'text', '', None)",
    "a CREDIT": "say(14, call, 1)",
    "a NOTE": "say(10, call, 'read', '/')",
    "deep": "value = 1\nfor _ in range(900): value = [value]\nsay(7, call, value)",
    "bytes": "say(7, call, b'bytes')",
    "an extension": "raw(b'\\xd4\\x01\\x00')",
    "a map of numbers": "raw(b'\\x81\\x01\\x01')",
    "a list that is only claimed": "raw(b'\\xdd\\xff\\xff\\xff\\xff')",
    "by the socket too": "session._channel.send([7, call, 1])",
}


def _in_a_row(worker: Worker) -> None:
    for n in range(_ROW):
        assert run(worker, f"result = {n}") == n
    assert worker.line.channel.piped


def _by_pipe(lab: Lab) -> Worker:
    worker = lab.worker(policy())
    _in_a_row(worker)
    return worker


def _attacked(worker: Worker, attack: str) -> None:
    """What is written beside an answer is seen with the next one at the latest."""
    run(worker, _TOOLS + textwrap.dedent(attack))
    time.sleep(0.05)
    run(worker, "result = 1")


@pytest.mark.parametrize("attack", _ATTACKS.values(), ids=_ATTACKS.keys())
def test_what_is_no_answer_kills_the_worker(lab: Lab, attack: str) -> None:
    with _by_pipe(lab) as worker:
        with pytest.raises(ProtocolError):
            _attacked(worker, attack)
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
    assert lab.run(policy(), "result = 6 * 7") == 42


def test_the_same_bytes_with_the_right_id_are_an_answer(lab: Lab) -> None:
    with _by_pipe(lab) as worker:
        code = _TOOLS + "say(7, call, 'mine')\ntime.sleep(9)"
        assert run(worker, code) == "mine"


def test_what_nobody_waits_for_keeps_no_host_busy(lab: Lab) -> None:
    with _by_pipe(lab) as worker:
        run(worker, _TOOLS + WRITES["write a flood"])
        time.sleep(0.05)
        before = time.process_time()
        pause = {"seconds": 0.4}
        code = "import time\ntime.sleep(seconds)\nresult = 1"
        assert [reply.value for reply in worker.map(code, [pause, pause])] == [1, 1]
        assert time.process_time() - before < 0.3  # of 0.8 s
        with pytest.raises(ProtocolError):
            _in_a_row(worker)


@pytest.mark.parametrize("timeout", [0.2, None])
def test_an_answer_that_never_comes_ends_with_its_time(
    lab: Lab, timeout: float | None
) -> None:
    given = policy(limits={"wall_seconds": 0.4})
    with lab.worker(given) as worker:
        _in_a_row(worker)
        with pytest.raises(WallLimitError):
            worker.call("import time\ntime.sleep(9)", {}, timeout=timeout)


def test_printing_without_end_is_seen_while_an_answer_is_due(lab: Lab) -> None:
    with _by_pipe(lab) as worker, pytest.raises(SandboxError, match="output"):
        run(worker, "while True: print('x' * 1000)")


# -- an answer by the pipe, and something by the socket that nobody asked for ----------

_TWICE = _TOOLS + "session._channel.send([7, call, 1])\nresult = 'by the pipe'"


class _LateEar:
    """An epoll that is asked late: when both ways have something, if they will."""

    def __init__(self) -> None:
        self._ear = select.epoll()
        self.register, self.close = self._ear.register, self._ear.close

    def poll(self, seconds: float, most: int) -> list[tuple[int, int]]:
        wait_until(lambda: len(self._ear.poll(0, most)) > 1, 0.05)
        return self._ear.poll(seconds, most)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    ears = SimpleNamespace(epoll=_LateEar, EPOLLIN=select.EPOLLIN)
    monkeypatch.setattr(host_pipe, "select", ears)


@pytest.mark.usefixtures("late")
def test_what_lies_beside_an_answer_is_seen_with_the_next_call(lab: Lab) -> None:
    with _by_pipe(lab) as worker:
        assert run(worker, _TWICE) == "by the pipe"
        with pytest.raises(ProtocolError, match="forged"):
            run(worker, "result = 1")
        assert not worker.alive


@pytest.mark.usefixtures("late")
def test_it_would_lie_there_for_ever_if_nobody_looked(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = property(lambda _: False, lambda _, __: None)
    monkeypatch.setattr(HostChannel, "beside", blind)
    with _by_pipe(lab) as worker:
        assert run(worker, _TWICE) == "by the pipe"
        _in_a_row(worker)
        assert worker.alive
