"""What a hostile worker does, it does not do to the event loop.

A heartbeat runs beside each attack. An attack that blocked the loop would do so for as
long as the worker may live, which is `_WALL_SECONDS`. What the kernel says that our
threads waited for a core is no fault of the loop's, and is taken off.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import AsyncWorker, SandboxError, WallLimitError
from lockgate_sandbox.errors import Data
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_WALL_SECONDS = 1.5
_BEAT_SECONDS = 0.002
_STILL_SECONDS = 0.25
"""A pause so long is counted: other threads that want the interpreter make shorter
ones (5 ms each, `sys.getswitchinterval`)."""

_FIND = """
import os, socket, stat, struct, time
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
channel = socket.socket(fileno=next(fd for fd in range(3, 64) if is_socket(fd)))
call = session._now.call
def send(value):
    channel.send(struct.pack("<I", len(value)) + value)
def ask(number):
    name = b"\\xa2up\\x81\\xa1n\\x01"
    send(b"\\x95\\x09\\xc4\\x08" + call + b"\\xce" + struct.pack(">I", number) + name)
"""

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


def _queued() -> float:
    """How long our threads waited for a core, in s (Documentation sched-stats.rst)."""
    total = 0
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # gone
            total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


class _Heart:
    """Beats in the loop and adds up how long it could not."""

    def __init__(self) -> None:
        self.stood = 0.0
        self.beats = 0
        self.began, self.queued = time.monotonic(), _queued()

    async def beat(self) -> None:
        last, queued = time.monotonic(), _queued()
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            now, more = time.monotonic(), _queued()
            self.beats += 1
            pause = now - last - max(0.0, more - queued)
            if pause > _STILL_SECONDS:
                self.stood += pause
            last, queued = now, more

    @property
    def still(self) -> float:
        """The share of its life that the loop stood still."""
        lived = time.monotonic() - self.began - max(0.0, _queued() - self.queued)
        return self.stood / max(lived, _STILL_SECONDS)


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
    error = _attack(lab, [(_FIND + _ATTACKS[attack], {})], callbacks)
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
                await asyncio.sleep(0.1)
                worker.call(_FIND + _ATTACKS["half a frame"])

            heart = _Heart()
            beating = asyncio.create_task(heart.beat())
            with pytest.raises(WallLimitError):
                await blocking()
            await asyncio.sleep(0.05)  # a beat that is late is counted when it comes
            beating.cancel()
            return heart.still

    assert asyncio.run(main()) > 0.8
