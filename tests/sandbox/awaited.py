"""An awaited worker, and what must be left of it: nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from lockgate_sandbox import AsyncWorker, Worker
from lockgate_sandbox.errors import Data
from tests.support.sandbox import alive, wait_until

__all__ = ["Body", "Run", "runner", "threads", "up", "up_plain"]

Body = Callable[[AsyncWorker], Coroutine[Any, Any, None]]

Run = Callable[[Body], None]


async def up(arguments: dict[str, Data]) -> Data:
    number = arguments["n"]
    assert isinstance(number, int)
    await asyncio.sleep(0)
    return number + 100


def up_plain(arguments: dict[str, Data]) -> Data:
    number = arguments["n"]
    assert isinstance(number, int)
    return number + 100


def threads() -> set[str]:
    return {
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("lockgate-")
    }


def runner(worker: Worker) -> Run:
    def run(body: Body) -> None:
        """Run `body`, and see that nothing of it is left."""

        async def main() -> None:
            async with AsyncWorker(worker) as wrapped:
                await body(wrapped)
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        before = _descriptors()
        asyncio.run(main())
        assert not threads()
        assert not alive(worker.pid)
        assert wait_until(lambda: _descriptors() <= before), _descriptors()

    return run


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
