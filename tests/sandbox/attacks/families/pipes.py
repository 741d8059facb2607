"""What a worker writes to the pipe that its answers to calls in a row are read from.

As `wire`, but nobody tells here where a frame ends, and only an answer may come.
"""

from __future__ import annotations

import time

from lockgate_sandbox import ProtocolError, Worker
from tests.sandbox.attacks.families import naive
from tests.sandbox.attacks.families.field import Attack, Field
from tests.support.sandbox import alive, run, wait_until

__all__ = ["ATTACKS", "TOGETHER", "TOOLS", "WRITES"]

TOGETHER = 8

_PATIENCE = 600
"""Calls after which the pipe is there; 12 will do where nobody has the cores."""

TOOLS = """
import os, threading, time
end, call = session._channel.answers, session._now.call
def packed(*frame):
    data = bytearray()
    session._channel._encode_into(frame, data, 0)
    return data
def say(*frame):
    os.write(end, packed(*frame))
def later(write):
    def wait():
        while session._now.call:
            time.sleep(0.001)
        time.sleep(0.01)
        write()
    threading.Thread(target=wait).start()
"""

WRITES = {
    "write junk": "os.write(end, b'junk')",
    "forge an answer": "say(7, b'AAAAAAAA', 'forged')",
    "answer to an id that is text": "say(7, call.decode(), 'forged')",
    "tear an answer": "os.write(end, packed(7, call, 'torn')[:5])",
    "send an item": "say(13, call, 1)",
    "send a batch": "say(12, [7, call, 1])",
    "ask": "say(9, call, 1, 'up', {'n': 1})",
    "claim a list": "os.write(end, b'\\xdd\\xff\\xff\\xff\\xff')",
    "nest lists": "os.write(end, b'\\x91' * 60_000)",
    "close it": "os.dup2(os.open('/dev/null', os.O_WRONLY), end)",
    "answer twice": "say(7, call, 1)",
    "answer late": "later(lambda: say(7, call, 'late'))",
    "write a flood": (
        "os.set_blocking(end, False)\nlater(lambda: os.write(end, bytes(1 << 20)))"
    ),
}
"""What each writes, with `TOOLS` at hand."""

_BESIDE = ("answer twice", "answer late", "write a flood")
"""Beside an honest answer; the others write that and then nothing."""

_THEN = "\ntime.sleep(60)"


def _write(name: str) -> Attack:
    answers = name in _BESIDE
    text = TOOLS + WRITES[name] + ("\nresult = 66" if answers else _THEN)

    def attack(field: Field) -> bool:
        with field.worker() as worker:
            _enter_pipe(worker)
            if not field.held:
                first = naive.what_it_makes_of(lambda: naive.ask_by_pipe(worker, text))
                if not answers:
                    return first not in (66, "waits")
                # What the first call is answered with, too, the second one gets.
                time.sleep(0.05)
                second = naive.what_it_makes_of(
                    lambda: naive.ask_by_pipe(worker, "result = 1")
                )
                return (first, second) != (66, 1)
            return not _is_ended(worker, text)

    return attack


def _is_ended(worker: Worker, text: str) -> bool:
    """Whether it costs the worker its life, at once or with the next call."""
    try:
        run(worker, text)
        time.sleep(0.05)
        run(worker, "result = 1")
    except ProtocolError:
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
        return True
    return False


def _enter_pipe(worker: Worker) -> None:
    for n in range(_PATIENCE):
        assert run(worker, f"result = {n}") == n
        if worker.line.channel.piped:
            break
    for n in range(4):
        assert run(worker, f"result = {n}") == n
    assert worker.line.channel.piped


ATTACKS: dict[str, Attack] = {name: _write(name) for name in WRITES}
