"""`on_output`: what a text prints is heard while it runs, and nothing else is."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Interpreter,
    Policy,
    PolicyError,
    Program,
    PythonResult,
    RemoteError,
    Sandbox,
    WallLimitError,
    Worker,
    run_python,
)
from lockgate_sandbox.backend import Confined
from lockgate_sandbox.terminal import clean
from tests.support.sandbox import alive, open_folder, wait_until

pytestmark = pytest.mark.kernel

_HEARD = """
import os, subprocess, sys, threading, time
def heard():
    while not os.path.exists(sign):
        time.sleep(0.005)
"""
"""Waits for what the host does when it has heard something."""

_SECONDS = 20.0
"""What a text may wait for that: then nobody hears it while it runs."""


@pytest.fixture
def python(sandbox: Sandbox) -> Iterator[Interpreter]:
    with Interpreter.open(sandbox=sandbox) as opened:
        yield opened


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def worker_of(python: Interpreter) -> Worker:
    worker: Confined = python._worker  # pyright: ignore[reportPrivateUsage]
    assert isinstance(worker, Worker)
    return worker


def heard_meanwhile(sandbox: Sandbox, code: str, wanted: str, given: Policy) -> str:
    """What is heard of `code`, which goes on when that is `wanted`."""
    pieces: list[str] = []
    with open_folder() as folder:

        def hear(text: str) -> None:
            pieces.append(text)
            if "".join(pieces) == wanted:
                (folder / "sign").touch()

        inputs = {"sign": str(folder / "sign")}
        source, seconds = f"{_HEARD}\n{code}", _SECONDS
        result = run_python(
            source, given, inputs=inputs, timeout=seconds, on_output=hear,
            sandbox=sandbox,
        )  # fmt: skip
    assert "".join(pieces) == result.output
    assert result.error is None, result
    return result.output


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("print('a'); heard(); print('b')", "a\n"),
        ("print('a', end=''); heard(); print('b')", "a"),
        ("print('a', end='', flush=True); heard()", "a"),
        ("print('a', 'b', sep='', end=''); heard()", "ab"),
        ("sys.stderr.write('a'); heard()", "a"),
        ("sys.stdout.writelines(['a', 'b']); heard()", "ab"),
        ("sys.stdout.buffer.write(b'a'); heard()", "a"),
        ("print('a', end='', file=sys.__stdout__); heard()", "a"),
        ("sys.stdout.reconfigure(line_buffering=False); print('a'); heard()", "a\n"),
        ("os.write(1, b'a'); heard()", "a"),
        ("os.write(2, b'a'); heard(); os.write(1, b'b')", "a"),
        ("threading.Thread(target=os.write, args=(1, b'a')).start(); heard()", "a"),
        ("import asyncio; print('a'); await asyncio.to_thread(heard)", "a\n"),
        ("print('a'); sys.stdout.close(); heard()", "a\n"),
        ("os.write(1, b'a'); os.close(1); os.close(2); heard()", "a"),
        ("for n in 'ab': print(n, end='\\r')\nheard()", "a\rb\r"),
        ("for b in b'\\xe2\\x82\\xac': os.write(1, bytes([b]))\nheard()", "\u20ac"),
        ("os.write(1, b'\\xff'); heard()", "\ufffd"),
    ],
)  # fmt: skip
def test_what_is_printed_is_heard_before_the_text_ends(
    sandbox: Sandbox, code: str, wanted: str
) -> None:
    output = heard_meanwhile(sandbox, code, wanted, Policy.for_tier("read-only"))

    assert output.startswith(wanted)


def test_what_a_program_of_the_text_prints_is_heard(sandbox: Sandbox) -> None:
    given = Policy.for_tier("elevated", programs=[Program("echo", "/bin/echo")])
    code = "subprocess.Popen(['/bin/echo', '-n', 'a']).wait(); heard(); print('b')"

    assert heard_meanwhile(sandbox, code, "a", given) == "ab\n"


def test_a_character_in_two_reads_arrives_whole(python: Interpreter) -> None:
    """The second half comes when the host has surely read the first."""
    pieces: list[str] = []
    write, pause = "os.write(1, b'{}')", "time.sleep(0.3)"
    steps = ["import os, time", write.format("x\\xe2\\x82"), pause]
    steps += [write.format("\\xac"), pause, write.format("\\xe2")]
    result = python.run("\n".join(steps), on_output=pieces.append)

    assert pieces == ["x", "\u20ac", "\ufffd"]  # what is left at the end is flushed
    assert result.output == "x\u20ac\ufffd"


def test_what_stands_before_a_tool_is_heard_before_it_runs(sandbox: Sandbox) -> None:
    order: list[str] = []

    def tool() -> None:
        order.append("tool")

    code = "for n in range(9): print(n, end=''); tool()"
    result = run_python(
        code, tools={"tool": tool}, on_output=order.append, sandbox=sandbox
    )

    assert result.error is None
    assert "".join(order) == "".join(f"{n}tool" for n in range(9))


def test_what_is_printed_in_one_breath_is_heard_in_one_piece(
    python: Interpreter,
) -> None:
    pieces: list[str] = []
    for _ in range(9):
        python.run("print('a', 'b')\nprint('c')", on_output=pieces.append)

    assert "".join(pieces) == "a b\nc\n" * 9
    assert pieces.count("a b\nc\n") > 4  # not where the machine pauses within it


def test_it_is_called_by_the_thread_that_runs_the_text(python: Interpreter) -> None:
    threads = set[int]()
    python.run("print(1)", on_output=lambda _: threads.add(threading.get_ident()))

    assert threads == {threading.get_ident()}


def test_a_text_that_prints_nothing_calls_nothing(python: Interpreter) -> None:
    assert python.run("6 * 7", on_output=lambda _: 1 / 0).value == 42


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_the_first_text_of_a_lazy_one_is_heard(sandbox: Sandbox, size: int) -> None:
    """Large, it does not go along with the start."""
    pieces: list[str] = []
    result = run_python(
        f"print('seen')\n{len('x' * size)}  # {'x' * size}",
        on_output=pieces.append,
        sandbox=sandbox,
    )

    assert (result.error, result.value) == (None, size)
    assert "".join(pieces) == result.output == "seen\n"


def test_each_text_is_heard_by_its_own(python: Interpreter) -> None:
    """What a thread prints between two texts is the next one's, as in `output`."""
    first, third = list[str](), list[str]()
    late = "import os, threading, time\ndef late(): time.sleep(0.2); os.write(1, b'2')"
    python.run(f"{late}\nthreading.Thread(target=late).start()\nprint(1)",
               on_output=first.append)  # fmt: skip
    time.sleep(0.5)
    second = python.run("3")
    python.run("print(4)", on_output=third.append)

    assert "".join(first) == "1\n"
    assert second.output == "2"
    assert "".join(third) == "4\n"


def test_standard_streams_are_as_before_in_a_text_that_nobody_hears(
    python: Interpreter,
) -> None:
    about = "import sys\nboth = sys.stdout, sys.stderr\n"
    about += "[(one.write_through, 'write' in vars(one.buffer)) for one in both]"

    assert python.run(about, on_output=print).value == [[True, True]] * 2
    assert python.run(about).value == [[False, False]] * 2
    assert python.run("1 / 0", on_output=print).error is not None
    assert python.run(about).value == [[False, False]] * 2


@pytest.mark.parametrize("code", ["print(1)", "1 / 0", "import os; os._exit(0)"])
def test_the_short_ways_of_a_call_are_as_before(python: Interpreter, code: str) -> None:
    """The socket's own timeout is what they wait by: without it they look around."""
    line = worker_of(python).line
    python.run(code, on_output=print)

    assert line.output.tap is None
    assert line.closed is not None or line.channel.socket.getblocking()


def test_control_characters_pass_and_have_a_way_to_a_terminal(
    python: Interpreter,
) -> None:
    pieces: list[str] = []
    python.run(r"print('\x1b]0;title\x07\x1b[2J\x9b\x00', end='')",
               on_output=pieces.append)  # fmt: skip
    told = "".join(pieces)

    assert told == "\x1b]0;title\x07\x1b[2J\x9b\x00"
    assert clean(told) == r"\x1b]0;title\x07\x1b[2J\x9b\x00"


# -- the function --------------------------------------------------------------------


class _Stop(BaseException):
    """No `Exception`: what a host stops itself by."""


_MORE = "import time\nprint('one')\ntime.sleep(60)"
_LAST = "import os\nos.write(1, b'one')"


@pytest.mark.parametrize("code", [_MORE, _LAST, "print('one'); 1 / 0"])
@pytest.mark.parametrize(
    "raised", [ZeroDivisionError("mine"), _Stop("mine"), PolicyError("mine"),
               ClosedError("mine"), RemoteError("mine", "Mine", "", "")],
    ids=lambda raised: type(raised).__name__,
)  # fmt: skip
def test_what_it_raises_ends_the_text_and_is_raised(
    sandbox: Sandbox, code: str, raised: BaseException
) -> None:
    def hear(_: str) -> None:
        raise raised

    with Interpreter.open(sandbox=sandbox) as python:
        pid, before = worker_of(python).pid, descriptors()
        with pytest.raises(type(raised)) as caught:
            python.run(code, on_output=hear)

        assert caught.value is raised
        assert not python.alive
        assert wait_until(lambda: not alive(pid))
        with pytest.raises(ClosedError):
            python.run("1")
    assert descriptors() < before
    assert run_python("6 * 7", sandbox=sandbox).value == 42


def test_it_may_not_run_a_text_there(python: Interpreter) -> None:
    """Neither of the same interpreter's two ways, at any time of the text."""
    refused: list[str] = []

    def hear(_: str) -> None:
        for again in (None, refused.append):
            with pytest.raises(PolicyError, match="may not call it again") as caught:
                python.run("2", on_output=again)
            refused.append(str(caught.value))

    assert python.run("print(1)", on_output=hear).check().output == "1\n"
    assert python.run("import os\nos.write(1, b'x'); 3", on_output=hear).value == 3
    assert len(refused) >= 4
    assert python.run("4").value == 4


def test_a_tool_may_not_be_heard_there_either(sandbox: Sandbox) -> None:
    opened: list[Interpreter] = []

    def tool() -> None:
        with pytest.raises(PolicyError, match="may not call it again"):
            opened[0].run("2", on_output=print)

    with Interpreter.open(tools={"tool": tool}, sandbox=sandbox) as python:
        opened.append(python)
        assert python.run("tool()").error is None


def test_it_may_run_a_text_elsewhere(python: Interpreter, sandbox: Sandbox) -> None:
    seen: list[object] = []

    def hear(text: str) -> None:
        code = f"print({text!r}, end=''); 2"
        seen.append(run_python(code, on_output=seen.append, sandbox=sandbox).value)

    assert python.run("print(1)\n3", on_output=hear).value == 3
    assert "".join(str(one) for one in seen if one != 2) == "1\n"


def test_it_may_close_the_interpreter(python: Interpreter) -> None:
    pid = worker_of(python).pid
    with pytest.raises(ClosedError):
        python.run(_MORE, on_output=lambda _: python.close())

    assert not alive(pid)


def test_of_two_threads_one_is_heard(python: Interpreter) -> None:
    """A second one would hear the first one's text: it is refused, and told why."""
    found: list[BaseException | PythonResult] = []

    def run() -> None:
        try:
            found.append(python.run("print(2)", on_output=print))
        except PolicyError as error:
            found.append(error)

    with open_folder() as folder:

        def hear(_: str) -> None:
            thread = threading.Thread(target=run)
            thread.start()
            thread.join()
            (folder / "sign").touch()

        inputs = {"sign": str(folder / "sign")}
        first = python.run(
            f"{_HEARD}\nprint(1)\nheard()", inputs=inputs, on_output=hear
        )

    assert first.check().output == "1\n"
    assert isinstance(found[0], PolicyError)
    assert "listened to" in str(found[0])
    assert python.run("print(3)", on_output=print).output == "3\n"


def test_a_limit_ends_a_text_also_while_it_is_heard_slowly(
    python: Interpreter,
) -> None:
    code = "import os, time\nwhile True: os.write(1, b'x'); time.sleep(0.001)"
    pieces: list[str] = []

    def hear(text: str) -> None:
        pieces.append(text)
        time.sleep(0.05)

    result = python.run(code, on_output=hear, timeout=1.5)

    assert isinstance(result.error, WallLimitError)
    assert "".join(pieces) == result.output
    assert len(pieces) > 2


def test_a_text_that_ended_in_time_has_its_value_however_long_it_is_heard(
    python: Interpreter,
) -> None:
    channel = worker_of(python).line.channel
    with open_folder() as folder:

        def hear(_: str) -> None:
            (folder / "sign").touch()
            assert wait_until(channel.has_more)  # its answer
            time.sleep(1.6)

        inputs = {"sign": str(folder / "sign")}
        code = f"{_HEARD}\nos.write(1, b'x')\nheard()\n6 * 7"
        result = python.run(code, inputs=inputs, on_output=hear, timeout=1.5)

    assert (result.error, result.value) == (None, 42)


# -- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize("given", ["print", 1, []])
def test_what_is_no_function_is_refused(python: Interpreter, given: Any) -> None:
    with pytest.raises(PolicyError, match="on_output can't be called"):
        python.run("1", on_output=given)
    assert python.run("1").value == 1


def test_a_coroutine_function_is_refused() -> None:
    async def hear(text: str) -> None:
        print(text)

    with pytest.raises(PolicyError, match="on_output is a coroutine function"):
        run_python("1", on_output=hear)


class _Elsewhere:
    """Another backend's worker: all that the seam asks for, and no line of ours."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.call: Callable[..., Any] = worker.call
        self.close = worker.close

    posture = property(lambda self: self._worker.posture)
    alive = property(lambda self: self._worker.alive)
    last_output = property(lambda self: self._worker.last_output)


def test_another_backends_worker_is_not_heard(
    python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python, "_worker", _Elsewhere(worker_of(python)))

    assert python.run("print(1)").output == "1\n"
    with pytest.raises(PolicyError, match="not heard while they run"):
        python.run("print(1)", on_output=print)


def test_both_ways_have_the_same_argument() -> None:
    ways = [inspect.signature(way).parameters for way in (run_python, Interpreter.run)]

    assert ways[0]["on_output"].annotation == ways[1]["on_output"].annotation
