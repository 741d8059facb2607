"""A host that is forked by the function that hears a text: `on_output`.

The copy goes on in the middle of a call that is its parent's.
"""

from __future__ import annotations

import os
import signal
import threading

import pytest

from lockgate_sandbox import ClosedError, Interpreter, PythonResult, Sandbox
from lockgate_sandbox.worker import Worker

pytestmark = pytest.mark.kernel

_TEXT = "print('a')\nfor _ in iter(tool, True): pass\nprint('b')\n7"
"""Goes on when the parent's tool says that the copy has ended."""


@pytest.mark.parametrize("way", ["returns", "raises", "exits"])
def test_a_copy_of_who_hears_a_text_neither_ends_nor_answers_it(
    sandbox: Sandbox, way: str
) -> None:
    """Another thread reads for all when it is forked: one that the copy has not got."""
    parent, copies, heard = os.getpid(), list[int](), list[str]()
    wanted, held, done = threading.Event(), threading.Event(), threading.Event()

    def hear(text: str) -> None:
        heard.append(text)
        if copies:
            return
        wanted.set()
        held.wait()
        copies.append(os.fork())
        if copies[0]:
            done.set()
            return
        signal.alarm(20)  # it would wait for that thread
        if way == "raises":
            raise LookupError
        if way == "exits":
            raise SystemExit

    def read() -> None:
        wanted.wait()
        with line.reading:
            held.set()
            done.wait()

    def tool() -> bool:
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, copies[0], how) is not None

    def run() -> PythonResult:
        try:
            return python.run(_TEXT, on_output=hear)
        except BaseException as error:
            if os.getpid() != parent:
                os._exit(_STATUS.get(type(error), 1))
            raise
        finally:
            if os.getpid() != parent:
                os._exit(2)

    with Interpreter.open(tools={"tool": tool}, sandbox=sandbox) as python:
        worker = python._worker  # pyright: ignore[reportPrivateUsage]
        assert isinstance(worker, Worker)
        line = worker.line
        reading = threading.Thread(target=read)
        reading.start()
        result = run()
        reading.join()
    status = os.waitstatus_to_exitcode(os.waitpid(copies[0], 0)[1])
    assert status == {"returns": 11, "raises": 12, "exits": 13}[way]
    assert (result.error, result.value, result.output) == (None, 7, "a\nb\n")
    assert "".join(heard) == result.output


_STATUS: dict[type[BaseException], int] = {
    ClosedError: 11,
    LookupError: 12,
    SystemExit: 13,
}
