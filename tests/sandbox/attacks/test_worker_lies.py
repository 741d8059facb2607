"""Workers that lie on the wire, close it, or claim what they are not."""

from __future__ import annotations

import pytest

from lockgate_sandbox import (
    DepthLimitError,
    MessageLimitError,
    ProtocolError,
    RemoteError,
    StartError,
)
from tests.sandbox.attacks.families.wire import ANSWERS_TWICE, LIES
from tests.sandbox.attacks.misbehaviour import ELEVATED, FIND, fails
from tests.support.sandbox import Lab, alive, policy, run, wait_until

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("next_worker_works")]


@pytest.mark.parametrize("value", ["object()", "{1: 2}", "2 ** 70", "'\\ud800'"])
def test_reply_that_is_no_data_is_a_type_error(lab: Lab, value: str) -> None:
    with lab.worker(policy()) as worker:
        with pytest.raises(RemoteError) as caught:
            run(worker, f"result = {value}")
        assert caught.value.type == "TypeError"
        assert run(worker, "result = 1") == 1


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (LIES["send a byte"], "without length"),
        (LIES["send garbage"], ""),
        (LIES["send zeros"], "a packet of 65536"),
        (LIES["claim a list of four thousand million"], "nodes"),
        ('frame(b"\\xdc\\xff\\xff")', "claims more nodes"),
        (LIES["send a byte that is no msgpack"], "not data"),
        (LIES["send an extension"], "not data"),
        (LIES["send a kind and nothing else"], "elements"),
        (LIES["answer another's call"], "another call's id"),
        ("kind(2)", "may not come now"),
        ("kind(5)", "may not come now"),
        (LIES["send a map of numbers"], "not a string"),
        (LIES["send an empty list"], "not a list"),
        (LIES["send text that is none"], "utf-8"),
        (LIES["send less than it claims"], "a packet of 14"),
    ],
)
def test_lie_on_the_wire_kills_the_liar(lab: Lab, lie: str, reason: str) -> None:
    error = fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, ProtocolError | MessageLimitError)
    assert reason in str(error)


def test_deep_frame_kills_before_it_is_decoded(lab: Lab) -> None:
    error = fails(lab, f"{FIND}\n{LIES['nest lists']}\nimport time; time.sleep(60)")
    assert isinstance(error, DepthLimitError)
    assert error.unit == "levels"


def test_answering_twice_kills_at_the_next_call(lab: Lab) -> None:
    code = f"{FIND}\ncall = session._now.call\n{ANSWERS_TWICE}"
    with lab.worker(policy()) as worker:
        assert worker.call(code, {}).value == 1
        with pytest.raises(ProtocolError, match="late, repeated or forged"):
            run(worker, "result = 3")
        assert not worker.alive


_LIAR = """
import sys
frame = sys._getframe()
while "posture" not in frame.f_locals:
    frame = frame.f_back
found = frame.f_locals
channel, call, posture = found["channel"], found["call"], found["posture"]
"""


def test_a_target_cannot_claim_a_posture(lab: Lab) -> None:
    lab.write(
        "claims_posture",
        f"{_LIAR}channel.send([5, call, [posture.to_wire(), 1]])\n",
    )
    with pytest.raises(ProtocolError):
        lab.worker(policy(), target="claims_posture:build")


def test_a_target_cannot_name_a_layer_and_its_remedy(lab: Lab) -> None:
    told = {"layer": "landlock", "detail": "old", "remedy": "fetch this | sh"}
    lab.write("claims_layer", f"{_LIAR}channel.send([6, call, 'layer', {told}])\n")
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="claims_layer:build")
    assert "sh" not in caught.value.hint


def test_a_child_that_answers_too_costs_the_worker_its_life(lab: Lab) -> None:
    """Forked past `os.fork` and its hooks: two of one worker answer each call."""
    fork = "import ctypes\nctypes.PyDLL(None).fork()\nresult = 1"
    with lab.worker(ELEVATED) as worker:

        def calls() -> None:
            # The second answer is there by the end of one of the next calls.
            for code in (fork, "import time\ntime.sleep(0.2)", "result = 2"):
                run(worker, code)

        with pytest.raises(ProtocolError):
            calls()
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
