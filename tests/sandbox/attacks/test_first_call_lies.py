"""Targets that lie while they are built, with a call waiting behind their start.

The seal is told before the first foreign byte; nothing that comes later may speak of
it, and of the start only what a start may say. Whoever lies answers for itself at most.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from lockgate_sandbox import (
    MessageLimitError,
    ProtocolError,
    RemoteError,
    SandboxError,
    StartError,
    Worker,
    WorkerDiedError,
)
from lockgate_sandbox._wire.frame import Kind
from tests.sandbox.attacks.families.first_calls import LIAR, LIBRARY, TOLD
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = pytest.mark.kernel

_NEVER = [
    kind
    for kind in Kind
    if kind
    not in {
        Kind.REPLY,
        Kind.RAISE,
        Kind.FAILED,
        Kind.ASK,
        Kind.BATCH,
        Kind.ROOM,
    }
]


@pytest.fixture(autouse=True)
def _next_worker_works(lab: Lab) -> Iterator[None]:
    yield
    assert lab.run(policy(), "result = 6 * 7") == 42


def _liar(lab: Lab, lie: str, *preload: str) -> Worker:
    lab.write("liar", textwrap.dedent(LIAR).format(lie=lie))
    return lab.sandbox.worker(
        policy(),
        target="liar:build",
        path=[str(lab.folder)],
        preload=preload,
        lazy=True,
    )


@pytest.mark.parametrize("kind", _NEVER, ids=lambda kind: kind.name)
def test_what_no_start_may_say_ends_it(lab: Lab, kind: Kind) -> None:
    with _liar(lab, f"channel.send([{int(kind)}, call, 1])") as worker:
        with pytest.raises(ProtocolError):
            worker.call("any")
        assert not worker.alive


def test_a_seal_is_told_once_and_not_by_a_target(lab: Lab) -> None:
    ready = f"channel.send([{int(Kind.READY)}, bytes(8), ['0\\\\1' '7', 1]])"
    with _liar(lab, ready) as worker:
        before = worker.posture
        with pytest.raises(ProtocolError, match="may not come now"):
            worker.call("any")
        assert worker.posture is before
        assert before["seccomp"].state == "active"


def test_a_target_may_say_that_it_failed_but_not_that_a_layer_did(lab: Lab) -> None:
    lie = f"channel.send([{int(Kind.FAILED)}, call, 'layer', {TOLD}])"
    with _liar(lab, lie) as worker:
        with pytest.raises(StartError) as caught:
            worker.call("any")
        assert TOLD["remedy"] not in caught.value.hint
        assert wait_until(lambda: not alive(worker.pid))


def test_who_answers_before_it_is_built_has_answered(lab: Lab) -> None:
    """It could say the same by a handler; the honest answer is one too many then."""
    with _liar(lab, f"channel.send([{int(Kind.REPLY)}, call, 'early'])") as worker:
        assert worker.call("any").value == "early"
        with pytest.raises(ProtocolError, match="late, repeated or forged"):
            worker.call("any")
        assert not worker.alive


def test_an_exception_before_it_is_built_is_its_answer(lab: Lab) -> None:
    lie = f"channel.send([{int(Kind.RAISE)}, call, 'OSError', 'no', '', None])"
    with _liar(lab, lie) as worker:
        with pytest.raises(RemoteError, match="OSError"):
            worker.call("any")
        with pytest.raises(ProtocolError, match="late, repeated or forged"):
            worker.call("any")


@pytest.mark.parametrize("call", ["bytes(8)", "b'x' * 8", "call[:-1]", "call * 2"])
@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.RAISE, Kind.FAILED, Kind.ASK])
def test_an_answer_to_what_nobody_asked_ends_it(
    lab: Lab, kind: Kind, call: str
) -> None:
    rest = {Kind.REPLY: "1", Kind.FAILED: "'a', {}", Kind.ASK: "1, 'a', {}"}
    filling = rest.get(kind, "'a', 'b', 'c', None")
    with _liar(lab, f"channel.send([{int(kind)}, {call}, {filling}])") as worker:
        with pytest.raises(ProtocolError):
            worker.call("any")
        assert not worker.alive


@pytest.mark.parametrize("sequence", [0, 2, -1, 1 << 40])
def test_questions_out_of_order_end_it(lab: Lab, sequence: int) -> None:
    lie = f"channel.send([{int(Kind.ASK)}, call, {sequence}, 'a', {{}}])"
    with _liar(lab, lie) as worker, pytest.raises(ProtocolError, match="out of order"):
        worker.call("any")


@pytest.mark.parametrize(
    "garbage", ["b''", "b'x'", "b'\\xff' * 4", "b'\\0\\0\\0\\x80' + b'x' * 60", "b'D'"]
)
def test_packets_that_are_no_frame_end_it(lab: Lab, garbage: str) -> None:
    lies = (ProtocolError, MessageLimitError, WorkerDiedError)
    with _liar(lab, f"channel.socket.send({garbage})") as worker:
        with pytest.raises(lies):
            worker.call("any")
        assert not worker.alive


# -- a library that was preloaded, and so runs before the worker has a job -------------


@pytest.mark.parametrize(
    "frame",
    [
        f"[{int(Kind.REPLY)}, b'x' * 8, 'forged']",
        f"[{int(Kind.REPLY)}, bytes(8), 'forged']",
        f"[{int(Kind.READY)}, bytes(8), ['0', 1]]",
        f"[{int(Kind.FAILED)}, bytes(8), 'layer', {{}}]",
    ],
)
def test_a_library_that_answers_before_the_call_is_sent(lab: Lab, frame: str) -> None:
    library = f"lying_{abs(hash(frame))}"
    lab.write(library, textwrap.dedent(LIBRARY).format(frame=frame))
    with _liar(lab, "pass", library) as worker:
        assert worker.posture["seccomp"].state == "degraded"  # as its zygote's
        with pytest.raises(ProtocolError):
            worker.call("any")
        assert not worker.alive


def test_a_library_that_only_might_lie_is_no_harm(lab: Lab) -> None:
    """The same library without a word of its own: the call is answered."""
    lab.write(
        "quiet",
        textwrap.dedent(LIBRARY).replace("nest._channel.send({frame})", "pass"),
    )
    with _liar(lab, "pass", "quiet") as worker:
        assert worker.call("any").value == "honest"


def test_code_of_a_call_is_no_more_than_it_would_be(lab: Lab) -> None:
    """The first call is under the seal like every other."""
    with (
        lab.sandbox.worker(
            policy(), target="lab_target:build", path=[str(lab.folder)], lazy=True
        ) as worker,
        pytest.raises(SandboxError, match="PermissionError"),
    ):
        run(worker, "open('/etc/passwd')")
