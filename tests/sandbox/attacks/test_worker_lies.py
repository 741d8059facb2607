"""Workers that lie on the wire, close it, or claim what they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_sandbox import (
    DepthLimitError,
    MessageLimitError,
    ProtocolError,
    RemoteError,
    StartError,
)
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
        ('channel.send(b"x")', "without length"),
        ('channel.send(b"garbage, not a frame at all")', ""),
        ("channel.send(bytes(65536))", "a packet of 65536"),
        ('frame(b"\\xdd\\xff\\xff\\xff\\xff")', "nodes"),
        ('frame(b"\\xdc\\xff\\xff")', "claims more nodes"),
        ('frame(b"\\xc1")', "not data"),
        ('frame(b"\\xd7\\xff" + bytes(8))', "not data"),
        ('frame(b"\\x91\\x07")', "elements"),
        ('frame(b"\\x93\\x07\\xc4\\x08" + bytes(8) + b"\\x01")', "another call's id"),
        ('frame(b"\\x93\\x02\\xc4\\x08" + bytes(8) + b"\\x01")', "may not come now"),
        ('frame(b"\\x93\\x05\\xc4\\x08" + bytes(8) + b"\\x01")', "may not come now"),
        ('frame(b"\\x81\\x01\\x02")', "not a string"),
        ('frame(b"\\x90")', "not a list"),
        ('frame(b"\\x91\\xa1\\xff")', "utf-8"),
        ('channel.send(struct.pack("<I", 100_000) + b"x" * 10)', "a packet of 14"),
    ],
)
def test_lie_on_the_wire_kills_the_liar(lab: Lab, lie: str, reason: str) -> None:
    error = fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, ProtocolError | MessageLimitError)
    assert reason in str(error)


def test_claimed_length_over_the_limit_kills_before_anything_is_read(lab: Lab) -> None:
    lie = 'channel.send(struct.pack("<I", 0xFFFFFFFF) + b"x")'
    error = fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, MessageLimitError)


def test_deep_frame_kills_before_it_is_decoded(lab: Lab) -> None:
    lie = 'frame(b"\\x91" * 60000 + b"\\xc0")'
    error = fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, DepthLimitError)
    assert error.unit == "levels"


def test_answering_twice_kills_at_the_next_call(lab: Lab) -> None:
    # The id of the running call is in the first frame that the session keeps.
    code = f"""{FIND}
call = session._now.call
frame(b"\\x93\\x07\\xc4\\x08" + call + b"\\x01")
result = 2
"""
    with lab.worker(policy()) as worker:
        assert worker.call(code, {}).value == 1
        with pytest.raises(ProtocolError, match="late, repeated or forged"):
            run(worker, "result = 3")
        assert not worker.alive


def test_descriptors_smuggled_to_the_host_are_never_opened(lab: Lab) -> None:
    code = f"""{FIND}
import _socket
call = session._now.call
value = b"\\x93\\x07\\xc4\\x08" + call + b"\\x01"
packed = struct.pack("3i", 0, 1, 2)
channel.sendmsg([struct.pack("<I", len(value)) + value],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
import time; time.sleep(60)
"""
    with lab.worker(policy()) as worker:
        before = _descriptors()
        assert worker.call(code, {}).value == 1
        assert _descriptors() == before


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_closing_the_channel_is_a_protocol_error(lab: Lab) -> None:
    error = fails(lab, f"{FIND}\nchannel.close()\nimport time; time.sleep(60)")
    assert isinstance(error, ProtocolError)


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
