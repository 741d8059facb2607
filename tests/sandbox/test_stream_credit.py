"""A worker that sends more of a stream than it has credit for, as its code can."""

from __future__ import annotations

import pytest

from lockgate_sandbox import SandboxError, StreamLimitError
from lockgate_sandbox._line.flights import CREDIT
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_ITEMS = (
    FIND
    + """
call = session._now.call
item = b"\\x93\\x0d\\xc4\\x08" + call + b"\\x01"
frame(b"\\xdc" + struct.pack(">H", count + 1) + b"\\x0c" + item * count)
result = "through"
"""
)
"""Sends `count` items of its stream in one packet, whatever credit it has."""


def test_a_worker_that_overruns_its_credit_has_an_error_of_its_own(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        stream = worker.stream(_ITEMS, {"count": CREDIT})
        assert list(stream) == [1] * CREDIT
        assert stream.result.value == "through"
        stream = worker.stream(_ITEMS, {"count": CREDIT + 1})
        with pytest.raises(StreamLimitError) as caught:
            list(stream)
        assert not worker.alive
    error = caught.value
    assert (error.limit, error.used, error.claimed) == (CREDIT, CREDIT + 1, False)
    assert error.hint


def test_a_worker_that_overruns_its_credit_ends_all_its_calls(lab: Lab) -> None:
    with lab.worker(policy()) as worker:
        first = worker.submit("import time; time.sleep(0.1); result = 1", {})
        stream = worker.stream(_ITEMS, {"count": CREDIT + 1})
        last = worker.submit("result = 1", {})
        with pytest.raises(StreamLimitError):
            list(stream)
        assert first.result().value == 1
        with pytest.raises(SandboxError):
            last.result()
