"""What a hostile worker does, it does not do to the event loop.

A heartbeat runs beside each attack. An attack that blocked the loop would do so for as
long as the worker may live, which is `_WALL_SECONDS`. Its clock is a plain thread that
beats as well: where the machine or the interpreter's lock makes one wait, the other
waits too, and only what the loop alone misses is counted.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from lockgate_sandbox import AsyncWorker, SandboxError, WallLimitError
from lockgate_sandbox.errors import Data
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_WALL_SECONDS = 0.8
_BEAT_SECONDS = 0.002
_STILL_BEATS = 100
"""A pause of so many of the thread's beats is counted, 0.2 s on a quiet machine."""

_TOOLS = (
    FIND
    + """
call = session._now.call
def ask(number):
    name = b"\\xa2up\\x81\\xa1n\\x01"
    frame(b"\\x95\\x09\\xc4\\x08" + call + b"\\xce" + struct.pack(">I", number) + name)
"""
)

_ATTACKS = {
    "half a frame": "channel.send(struct.pack('<I', 1 << 20) + bytes(65532))\n"
    "time.sleep(60)",
    "a frame in endless pieces": "channel.send(struct.pack('<I', 16 << 20) + "
    "bytes(65532))\nwhile True:\n    channel.send(bytes(65536)); time.sleep(.01)",
    "endless asks, one by one": "while True:\n    session.call_host('up', {'n': 1})",
    "endless asks, unread": "n = 0\nwhile True:\n    n += 1\n    ask(n)",
    "a flood of output": "while True:\n    os.write(1, bytes(4096))",
}


def _up(_: dict[str, Data]) -> Data:
    return "x" * 1000


async def _up_async(_: dict[str, Data]) -> Data:
    return "x" * 1000


class _Heart:
    """Beats in the loop, and counts the beats of a thread that it could not follow."""

    def __init__(self) -> None:
        self.beats = 0
        self._clock, self._stood = 0, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick)

    def _tick(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            self._clock += 1

    async def beat(self) -> None:
        self._thread.start()
        last = self._clock
        try:
            while True:
                await asyncio.sleep(_BEAT_SECONDS)
                self.beats += 1
                if self._clock - last > _STILL_BEATS:
                    self._stood += self._clock - last
                last = self._clock
        finally:
            self._ended.set()
            self._thread.join()

    @property
    def still(self) -> float:
        """The share of its life that the loop stood still."""
        return self._stood / max(self._clock, _STILL_BEATS)


async def _beside(work: Any) -> tuple[_Heart, object]:
    """How the loop fared beside `work`, and the error that ended that."""
    heart = _Heart()
    beating = asyncio.create_task(heart.beat())
    error: object = None
    try:
        await asyncio.wait_for(work, 20)
    except SandboxError as caught:
        error = caught
    beating.cancel()
    await asyncio.wait([beating])
    return heart, error


Calls = list[tuple[str, dict[str, Any]]]


def _attack(
    lab: Lab,
    calls: Calls,
    callbacks: Mapping[str, Callable[[dict[str, Data]], object]],
) -> object:
    """Make the calls at once, and judge the loop; gives the error that came."""
    given = policy(limits={"wall_seconds": _WALL_SECONDS})

    async def main() -> object:
        async with AsyncWorker(lab.worker(given, callbacks=callbacks)) as worker:
            asked = asyncio.gather(*(worker.call(*call) for call in calls))
            heart, error = await _beside(asked)
            assert not worker.alive
        # A loop that an attack blocks stands still from its start to the worker's end.
        assert heart.still < 0.25
        assert heart.beats > 3
        for _ in range(100):  # a cancelled task takes a turn or two to end
            if asyncio.all_tasks() == {asyncio.current_task()}:
                break
            await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return error

    return asyncio.run(main())


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize("attack", _ATTACKS)
def test_an_attack_costs_the_worker_its_life_and_the_loop_nothing(
    lab: Lab, attack: str, kind: str
) -> None:
    callbacks = {"up": _up if kind == "plain" else _up_async}
    error = _attack(lab, [(_TOOLS + _ATTACKS[attack], {})], callbacks)
    assert isinstance(error, SandboxError)


def test_a_worker_that_reads_nothing_does_not_stop_large_calls(lab: Lab) -> None:
    calls: Calls = [("import time; time.sleep(60)", {})]
    calls += [("result = 1", {"text": "x" * (2 << 20)}) for _ in range(6)]
    calls += [("result = 1", {"text": "x" * 4000}) for _ in range(300)]
    calls += [("result = 1", {"data": bytes(4 << 20)}) for _ in range(6)]
    assert isinstance(_attack(lab, calls, {}), WallLimitError)


def test_a_heart_beside_a_blocking_call_would_notice(lab: Lab) -> None:
    """The measure itself: the same attack through the plain API in the loop."""
    given = policy(limits={"wall_seconds": _WALL_SECONDS})

    async def main() -> float:
        with lab.worker(given) as worker:

            async def blocking() -> None:
                await asyncio.sleep(0.02)
                worker.call(_TOOLS + _ATTACKS["half a frame"])

            heart = _Heart()
            beating = asyncio.create_task(heart.beat())
            with pytest.raises(WallLimitError):
                await blocking()
            await asyncio.sleep(0.05)  # a beat that is late is counted when it comes
            beating.cancel()
            return heart.still

    assert asyncio.run(main()) > 0.8
