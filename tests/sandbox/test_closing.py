"""What is closed from another thread while it runs says so, not that it crashed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from lockgate_sandbox import (
    ClosedError,
    Interpreter,
    Sandbox,
    WorkerDiedError,
    run_python,
)
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel

_ENDLESS = "print('begun')\nwhile True: pass"


def _closing(close: Callable[[], None]) -> Callable[[str], None]:
    """Closes from another thread as soon as a text is heard."""

    def hear(_: str) -> None:
        threading.Thread(target=close).start()

    return hear


@pytest.mark.parametrize("heard", [True, False], ids=["heard", "unheard"])
def test_an_interpreter_that_is_closed_ends_its_text_as_closed(heard: bool) -> None:
    with Interpreter.open() as cells:
        hear = _closing(cells.close) if heard else None
        if not heard:
            threading.Timer(1.0, cells.close).start()
        with pytest.raises(ClosedError, match="is closed") as caught:
            cells.run(_ENDLESS, on_output=hear)
        assert caught.value.output == "begun\n"
        assert not cells.alive


def test_a_sandbox_that_is_closed_ends_its_texts_as_closed() -> None:
    with Sandbox.open() as sandbox, pytest.raises(ClosedError):
        run_python(_ENDLESS, sandbox=sandbox, on_output=_closing(sandbox.close))


def test_a_worker_that_is_closed_ends_every_call_as_closed(lab: Lab) -> None:
    worker = lab.worker(policy())
    ends: list[Exception] = []

    def ask() -> None:
        try:
            run(worker, "import time; time.sleep(60)")
        except ClosedError as error:
            ends.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    worker.close()
    for thread in threads:
        thread.join(10)
    assert len(ends) == 3


def test_a_crash_is_no_closing() -> None:
    with Interpreter.open() as cells:
        result = cells.run("import os; os.kill(os.getpid(), 9)")
    assert isinstance(result.error, WorkerDiedError)


def test_a_task_that_is_cancelled_ends_its_text_at_once() -> None:
    begun = threading.Event()

    def heard(_: str) -> None:
        begun.set()

    async def answer(sandbox: Sandbox) -> object:
        with Interpreter.open(sandbox=sandbox, lazy=True) as cells:
            run = partial(cells.run, _ENDLESS, on_output=heard)
            return (await asyncio.to_thread(run)).value

    async def main(sandbox: Sandbox) -> float:
        task = asyncio.create_task(answer(sandbox))
        await asyncio.to_thread(begun.wait, 30)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    with Sandbox.open() as sandbox:
        # The text's own 60 s are more, and so are its thread's, which `run` waits for.
        started = time.monotonic()
        assert asyncio.run(main(sandbox)) < 20
        assert time.monotonic() - started < 50
