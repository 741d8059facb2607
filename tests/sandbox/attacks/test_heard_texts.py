"""Texts that are heard while they run, and would have their host hear what is not so.

In whatever way a text ends, what was heard is what the result says was printed, and no
more than the policy allows; and a text that never pauses keeps nobody beyond its time.
"""

from __future__ import annotations

import threading
import time

import pytest

from lockgate_sandbox import (
    ClosedError,
    CpuLimitError,
    Interpreter,
    MemoryLimitError,
    MessageLimitError,
    OutputLimitError,
    ProtocolError,
    PythonResult,
    RemoteError,
    Sandbox,
    SandboxError,
    WallLimitError,
    WorkerDiedError,
    run_python,
)
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.sandbox import policy

pytestmark = pytest.mark.kernel

_MARKER_BYTES = 64

_GUEST = "import sys, os, time\nguest = sys.modules['lockgate_guest']\nprint('begun')\n"

_ANSWER = f"""{FIND}
import gc, time
session = next(o for o in gc.get_objects() if type(o).__name__ == "Session")
print("before")
frame(b"\\x93\\x07\\xc4\\x08" + session._now.call + b"\\x94\\x05\\xa15\\x90\\x80")
"""
"""Answers the call that it is run by: 5, its text, no denials, no files."""


def heard(
    sandbox: Sandbox, code: str, *, timeout: float | None = None, **limits: float
) -> PythonResult:
    """What came of `code`; what was heard is its output, and within its limit."""
    pieces: list[str] = []
    given = policy(limits=limits)
    result = run_python(
        code, given, timeout=timeout, on_output=pieces.append, sandbox=sandbox
    )
    assert "".join(pieces) == result.output
    assert all(pieces)
    # What it is asked when it has failed has output of its own.
    most = 2 * (given.limits.output_bytes * 3 + _MARKER_BYTES)
    assert len(result.output.encode()) <= most
    return result


@pytest.mark.parametrize(
    ("code", "error", "limits"),
    [
        ("print('x', end=''); 5", None, {}),
        ("print('x'); 1 / 0", RemoteError, {}),
        ("print('x'); raise SystemExit(3)", RemoteError, {}),
        ("print('x'); exit()", None, {}),
        ("print('x'); import os; os._exit(3)", WorkerDiedError, {}),
        ("print('x'); import os; os.kill(os.getpid(), 9)", WorkerDiedError, {}),
        ("print('x'); import os; os.kill(os.getpid(), 11)", WorkerDiedError, {}),
        ("print('x'); bytearray(1 << 30)", MemoryLimitError, {}),
        ("print('x')\nwhile True: pass", WallLimitError, {"wall_seconds": 0.4}),
        ("print('x')\nwhile True: pass", WallLimitError, {"timeout": 0.4}),
        ("print('x'); import time; time.sleep(60)", WallLimitError, {"timeout": 0.4}),
        ("print('x')\nwhile True: pass", CpuLimitError, {"cpu_seconds": 0.5}),
        ("print('x'); 'x' * 2_000_000", MessageLimitError, {"message_bytes": 10**6}),
        ("import os\nos.write(1, b'\\xe2'); 1 / 0", RemoteError, {}),
        ("print('\u20ac' * 500)", None, {"output_bytes": 100}),
        ("print('\u20ac' * 500); 1 / 0", RemoteError, {"output_bytes": 100}),
        ("print('x')", None, {"output_bytes": 0}),
        ("import sys; print('x'); sys.stdout.close()", None, {}),
        ("import sys; print('x'); sys.stdout.detach()", None, {}),
        ("import sys; print('x'); sys.stdout = sys.stderr = None", None, {}),
        ("import os; print('x'); os.close(1); os.close(2)", None, {}),
    ],
)  # fmt: skip
def test_what_was_heard_is_the_output_however_a_text_ends(
    sandbox: Sandbox,
    code: str,
    error: type[SandboxError] | None,
    limits: dict[str, float],
) -> None:
    result = heard(sandbox, code, **limits)

    assert type(result.error) is (error or type(None))
    assert result.output or "os.write" in code


@pytest.mark.parametrize(
    ("forged", "error"),
    [
        ("guest._shown = lambda value: 'forged'", ProtocolError),
        ("guest._shown = lambda value: [1, 2, 3]", ProtocolError),
        ("guest._shown = lambda value: print('later') or [1, '1']", None),
        ("guest._shown = lambda value: print('later') or 1 / 0", RemoteError),
        ("guest._set_through = lambda *given, **more: None", None),
        ("guest._flushed = lambda given: print('later')", RemoteError),
        ("guest._set_through = lambda *given, **more: os._exit(3)", WorkerDiedError),
    ],
)
def test_what_was_heard_is_the_output_of_a_guest_that_lies(
    sandbox: Sandbox, forged: str, error: type[SandboxError] | None
) -> None:
    pieces: list[str] = []
    with Interpreter.open(sandbox=sandbox) as python:
        python.run(_GUEST + forged).check()
        result = python.run("print('seen')", on_output=pieces.append)

    assert type(result.error) is (error or type(None))
    assert "".join(pieces) == result.output
    assert ("later" in forged) == ("later" in result.output)


@pytest.mark.parametrize(
    "rest",
    [
        "print('rest') or os._exit(0)",
        "print('rest') or time.sleep(60)",
        "print('rest') or 'forged'",
        "print('rest') or {'a': b''}",
        "os.write(1, b'rest' * 20_000_000)",
    ],
)
@pytest.mark.parametrize("live", [False, True])
def test_what_a_failed_text_prints_when_it_is_asked_again_is_told(
    sandbox: Sandbox, rest: str, *, live: bool
) -> None:
    """All of it is the result's output, too: it was lost where that ended badly."""
    pieces: list[str] = []
    code = f"{_GUEST}guest._collected = lambda *given: {rest}\n1 / 0"
    result = run_python(
        code, "basic", collect=["a"], timeout=2, sandbox=sandbox,
        on_output=pieces.append if live else None,
    )  # fmt: skip

    assert isinstance(result.error, RemoteError)
    assert result.output.startswith("begun\n")
    assert "rest" in result.output
    assert "".join(pieces) == result.output or not live


@pytest.mark.parametrize(
    "after",
    [
        "print('after', flush=True); time.sleep(60)",
        "while True: print('after')",
        "while True: os.write(1, b'after' * 9999)",
        "frame(b'garbage'); print('after')",
        "os._exit(0)",
    ],
)
def test_what_a_text_prints_that_has_answered_is_heard_or_not_but_never_told_otherwise(
    sandbox: Sandbox, after: str
) -> None:
    result = heard(sandbox, f"{_ANSWER}{after}", wall_seconds=5)

    if result.error is None:
        assert result.value == 5
    assert result.output.startswith("before\n")


_THREADS = """
import os, threading, time
def write():
    while True:
        os.write(1, data)
for _ in range(8):
    threading.Thread(target=write, daemon=True).start()
"""


@pytest.mark.parametrize("size", [1, 100, 100_000])
@pytest.mark.parametrize("end", ["6 * 7", "1 / 0", "time.sleep(60)", "write()"])
def test_threads_that_never_stop_printing_keep_nobody(
    sandbox: Sandbox, size: int, end: str
) -> None:
    started = time.monotonic()
    code = f"data = b'x' * {size}\n{_THREADS}\ntime.sleep(0.1)\n{end}"
    result = heard(sandbox, code, timeout=1.5)

    assert time.monotonic() - started < 20  # 60, where nothing ends it
    if end == "6 * 7":
        assert isinstance(result.error, OutputLimitError) or result.value == 42
    else:
        assert isinstance(result.error, WallLimitError | OutputLimitError | RemoteError)


def test_a_flood_in_single_bytes_calls_no_function_for_each(sandbox: Sandbox) -> None:
    """Else each byte that it writes costs the host a thousand times as much."""
    calls: list[int] = []
    code = "import os\nfor _ in range(20_000): os.write(1, b'x')"
    result = run_python(
        code, on_output=lambda text: calls.append(len(text)), sandbox=sandbox
    )

    assert (result.error, sum(calls)) == (None, 20_000)
    assert len(calls) < 2_000


def test_a_host_that_hears_slowly_is_not_flooded(sandbox: Sandbox) -> None:
    """The text waits for room in its pipe instead: nothing gathers in the host."""
    code = "import os\nfor _ in range(40): os.write(1, b'x' * 10_000)\n7"
    sizes: list[int] = []

    def hear(text: str) -> None:
        sizes.append(len(text))
        time.sleep(0.02)

    result = run_python(code, on_output=hear, sandbox=sandbox)

    assert result.value == 7
    assert sum(sizes) == len(result.output) == 400_000


def test_a_text_that_prints_for_ever_is_ended_from_another_thread(
    sandbox: Sandbox,
) -> None:
    with Interpreter.open(sandbox=sandbox) as python:
        begun = threading.Event()

        def stop() -> None:
            begun.wait()
            python.close()

        stopper = threading.Thread(target=stop)
        stopper.start()
        pieces: list[str] = []

        def hear(text: str) -> None:
            pieces.append(text)
            begun.set()

        code = "import time\nwhile True: print('x'); time.sleep(0.01)"
        with pytest.raises(ClosedError) as caught:
            python.run(code, on_output=hear)
        stopper.join()

    assert "".join(pieces) == caught.value.output
