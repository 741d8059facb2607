"""`run_python` and `Interpreter`: source text in, a result out, sealed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import (
    ClosedError,
    Data,
    Interpreter,
    Limits,
    MemoryLimitError,
    MessageLimitError,
    Policy,
    PolicyError,
    ProcessLimitError,
    RemoteError,
    Sandbox,
    WallLimitError,
    Worker,
    WorkerDiedError,
    run_python,
)
from tests.support.sandbox import alive, open_folder, policy, task_count, wait_until

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("", None, ""),
        ("x = 1", None, ""),
        ("6 * 7", 42, "42"),
        ("x = 6\nx * 7", 42, "42"),
        ("'text'", "text", "'text'"),
        ("None", None, ""),
        ("1, (2.5, b'x')", [1, [2.5, b"x"]], "(1, (2.5, b'x'))"),
        ("{'a': [True, None]}", {"a": [True, None]}, "{'a': [True, None]}"),
        ("if True: 5", None, ""),
        ("from __future__ import annotations\n1", 1, "1"),
    ],
)
def test_the_last_expression_is_the_value(
    python: Interpreter, source: str, value: Data, text: str
) -> None:
    result = python.run(source).check()

    assert (result.value, result.text) == (value, text)


@pytest.mark.parametrize(
    "source",
    ["{1: 2}", "{1}", "2**64", "print", "'\\ud800'", "x = []; x.append(x); x",
     "class T(tuple): pass\nT()", "['x'] * 300_000"],
)  # fmt: skip
def test_what_is_no_data_is_shown_as_text(python: Interpreter, source: str) -> None:
    result = python.run(source).check()

    assert result.value is None
    assert result.text
    assert len(result.text) < 10_000


def test_output_of_both_streams_comes_in_order(python: Interpreter) -> None:
    result = python.run("import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)")

    assert result.output == "1\n2\n3\n"


def test_names_are_kept_and_inputs_are_names(python: Interpreter) -> None:
    python.run("def double(x): return 2 * x").check()

    assert python.run("double(seen)", inputs={"seen": [1]}).value == [1, 1]
    assert python.run("seen").value == [1]


def test_an_exception_is_a_result_with_what_was_printed_before(
    python: Interpreter,
) -> None:
    result = python.run("def f():\n    1 / 0\nprint('before')\nf()")
    error = result.error

    assert result.output == "before\n"
    assert isinstance(error, RemoteError)
    assert (error.type, error.message) == ("ZeroDivisionError", "division by zero")
    assert error.traceback.count("File ") == 2
    assert "    1 / 0\n" in error.traceback
    assert "lockgate" not in error.traceback
    with pytest.raises(RemoteError):
        result.check()
    assert python.run("1 + 1").check().value == 2


def test_a_syntax_error_shows_the_line(python: Interpreter) -> None:
    error = python.run("x = 1\na b", name="<answer>").error

    assert isinstance(error, RemoteError)
    assert 'File "<answer>", line 2' in error.traceback
    assert "    a b\n" in error.traceback


def test_a_text_may_await_and_all_texts_share_one_loop(python: Interpreter) -> None:
    python.run("import asyncio\nlock = asyncio.Lock()\nawait lock.acquire()").check()
    python.run("async def start(): return asyncio.create_task(lock.acquire())").check()
    python.run("waiting = await start()").check()
    python.run("lock.release()").check()

    assert python.run("await waiting").check().value is True
    assert python.run("[await asyncio.sleep(0, n) for n in (1, 2)]").value == [1, 2]
    assert python.run("asyncio.run(asyncio.sleep(0, 3))").value == 3
    error = python.run("await asyncio.sleep(0)\n1 / 0").error
    assert isinstance(error, RemoteError)
    assert error.type == "ZeroDivisionError"
    assert error.traceback.count("File ") == 1, error.traceback


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("open('/etc/passwd')", "Policy.for_tier('read-only', read=['/etc/passwd'])"),
        (
            "open('/etc/passwd', 'w')",
            "to change it: Policy.for_tier('elevated', write=['/etc/passwd'])",
        ),
        ("open('/srv/new', 'w')", "to make it: Policy.for_tier('elevated', write=["),
        ("open('new', 'w')", "tier basic has a folder of its own"),
        ("import tempfile; tempfile.mkdtemp()", "tier basic has a folder of its own"),
        ("import socket; socket.socket()", "grant `hosts`"),
        (
            "import urllib.request as u; u.urlopen('http://127.0.0.1:9/')",
            "no network",
        ),
        ("import sqlite3 as s; s.connect('a.db')", "tier basic has a folder"),
        ("import multiprocessing as m; m.Lock()", "threads will do"),
        ("import os; os.fork()", "a function of yours"),
        ("import subprocess as s; s.run(['/bin/true'])", "a function of yours"),
        ("import os; os.chmod('/etc/passwd', 0)", "set no mode, owner or times"),
        ("import urllib.request as u; u.urlopen('http://a.test')", "no network"),
        ("from lockgate_session import session", "broker=Broker(policy)"),
        ("import nothing_like_it", "`path`: add the folder that it lies in"),
        ("import pytest", "`path`: add '/"),
        ("1 / 0", ""),
        ("open('/nothing/like/it')", ""),
    ],
)
def test_what_was_refused_comes_with_the_way_to_allow_it(
    python: Interpreter, source: str, hint: str
) -> None:
    error = python.run(source).error

    assert isinstance(error, RemoteError)
    assert hint in error.hint
    assert bool(error.hint) == bool(hint)


def test_the_hint_of_a_refused_read_is_a_policy_that_allows_it() -> None:
    policy = Policy.for_tier("read-only", read=["/etc/passwd"])

    assert run_python("open('/etc/passwd').read()", policy).error is None
    error = run_python("open('/etc/passwd', 'w')", policy).error
    assert error is not None
    assert (
        error.hint == "to change it: Policy.for_tier('elevated', write=['/etc/passwd'])"
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"policy": {"tier": "basic"}},
            "policy is a Policy or a tier's name, not a dict",
        ),
        ({"timeout": "5"}, "timeout is a number of seconds, not '5'"),
        ({"timeout": float("nan")}, "timeout is a number of seconds, not nan"),
        ({"inputs": [1]}, "inputs is a mapping, not a value of type list"),
        ({"files": ["a"]}, "files is a mapping, not a value of type list"),
        ({"tools": [print]}, "tools is a mapping, not a value of type list"),
        ({"tools": {"f": 1}}, "the tool f can't be called: 1"),
        ({"path": "/srv"}, "path is a list, not one text: '/srv'"),
        ({"collect": "*.txt", "policy": "basic"}, "collect is a list, not one text"),
        (
            {"files": {"a": "text"}, "policy": "basic"},
            "the file 'a' is made of bytes, and this is a text",
        ),
    ],
    ids=str,
)
def test_an_argument_of_the_wrong_kind_is_told(
    sandbox: Sandbox, given: dict[str, Any], told: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        run_python("1", **given, sandbox=sandbox)

    assert told in str(refused.value)


@pytest.mark.parametrize("source", [None, 1, ["1"]])
def test_what_is_no_text_is_not_run(sandbox: Sandbox, source: Any) -> None:
    with pytest.raises(PolicyError, match="source is a text, not"):
        run_python(source, sandbox=sandbox)


def test_one_text_as_path_opens_no_folder_of_one_letter(sandbox: Sandbox) -> None:
    """A text is a sequence of texts, and the first one of ``/srv`` is ``/``."""
    read = "open('/etc/passwd').read(4)"

    # What the letters would grant: the whole machine.
    assert run_python(read, path=list("/srv"), sandbox=sandbox).value
    with pytest.raises(PolicyError) as refused:
        run_python(read, path="/srv", sandbox=sandbox)
    assert refused.value.hint == "path=['/srv']"
    with pytest.raises(PolicyError, match="path is a list"):
        sandbox.run_file(Policy.for_tier("read-only"), __file__, path="/srv")
    with pytest.raises(PolicyError, match="path is a list"):
        sandbox.worker(Policy.for_tier("read-only"), target="a:b", path="/srv")
    with pytest.raises(PolicyError, match="executable is a list"):
        sandbox.run_program(
            Policy.for_tier("elevated"), ["/bin/true"], executable="/srv"
        )


def test_a_result_is_shown_in_a_line(python: Interpreter) -> None:
    shown = repr(python.run("print('seen'); 6 * 7"))

    assert "value=42" in shown
    assert "output='seen\\n'" in shown
    assert len(shown) < 120  # how it was held is asked for by name


def test_leaving_ends_the_text_and_not_the_interpreter(python: Interpreter) -> None:
    assert python.run("exit()").error is None
    error = python.run("raise SystemExit(3)").error
    assert isinstance(error, RemoteError)
    assert (error.type, error.message) == ("SystemExit", "3")
    assert python.alive


def test_a_class_of_the_code_belongs_to_main(python: Interpreter) -> None:
    source = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\nA(1)"

    result = python.run(source)

    assert (result.value, result.text) == (None, "A(x=1)")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("open('/etc/passwd').read()", "PermissionError"),
        ("import socket; socket.create_connection(('127.0.0.1', 1))", "Permission"),
        ("import os; os.fork()", "PermissionError"),
        ("import subprocess; subprocess.run(['/bin/true'])", "PermissionError"),
        ("open('/tmp/x', 'w')", "PermissionError"),
        ("import lockgate_sandbox", "ModuleNotFoundError"),
        ("import msgspec", "ModuleNotFoundError"),
    ],
)
def test_the_code_is_sealed(python: Interpreter, source: str, error: str) -> None:
    result = python.run(source)

    assert isinstance(result.error, RemoteError)
    assert error in result.error.type
    assert python.posture["landlock"].state == "active"
    assert result.posture == python.posture


def test_without_landlock_the_same_file_is_read() -> None:
    with Sandbox.open(layers={"landlock": "off", "uid": "off"}) as weak:
        result = run_python("open('/etc/passwd').read()", sandbox=weak)

    assert result.check().value == Path("/etc/passwd").read_text()
    assert result.posture["landlock"].state == "off"


def _tight(**limits: float) -> Policy:
    return policy(limits=limits)


def test_each_limit_is_an_error_with_the_output_before_it(sandbox: Sandbox) -> None:
    def run(source: str, **limits: float) -> Any:
        source = f"print('before', flush=True)\n{source}"
        return run_python(source, _tight(**limits), sandbox=sandbox)

    slow = run("while True: pass", wall_seconds=0.3)
    assert isinstance(slow.error, WallLimitError)
    assert slow.output == "before\n"
    large = run("bytearray(1 << 30)")
    assert isinstance(large.error, MemoryLimitError)
    assert large.output == "before\n"
    threads = "import threading, time\nstop = threading.Event()\ntry:\n"
    threads += "  for _ in range(99): threading.Thread(target=stop.wait).start()\n"
    threads += "  time.sleep(30)\nfinally: stop.set()"
    many = run(threads)
    assert isinstance(many.error, ProcessLimitError | RemoteError)
    answer = run("'x' * 2_000_000", message_bytes=1_000_000)
    assert isinstance(answer.error, MessageLimitError)
    assert answer.output == "before\n"
    crashed = run("import os; os._exit(3)")
    assert isinstance(crashed.error, WorkerDiedError)
    assert (crashed.error.status, crashed.output) == (3, "before\n")


def test_output_is_cut_with_a_marker(sandbox: Sandbox) -> None:
    result = run_python("print('x' * 5000)", _tight(output_bytes=100), sandbox=sandbox)

    assert result.output.startswith("x" * 100 + "\n[output truncated")


def test_a_killed_interpreter_says_so_at_the_next_run(python: Interpreter) -> None:
    assert python.run("import os; os.kill(os.getpid(), 9)").error is not None

    assert not python.alive
    with pytest.raises(ClosedError):
        python.run("1")


def test_a_timeout_only_shortens(python: Interpreter) -> None:
    result = python.run("import time; time.sleep(30)", timeout=0.2)

    assert isinstance(result.error, WallLimitError)


def test_basic_code_has_a_scratch_folder(sandbox: Sandbox) -> None:
    source = "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'x')\n1"

    assert run_python(source, Policy.for_tier("basic"), sandbox=sandbox).value == 1


def test_code_can_import_what_it_is_given(sandbox: Sandbox) -> None:
    with open_folder() as folder:
        (folder / "helper.py").write_text("ANSWER = 42\n")
        result = run_python(
            "import helper; helper.ANSWER", path=[str(folder)], sandbox=sandbox
        )

    assert result.check().value == 42


@pytest.mark.parametrize("name", ["not a name", "a-b", ""])
def test_names_that_are_none_are_refused(python: Interpreter, name: str) -> None:
    with pytest.raises(PolicyError, match="is a name in the code"):
        python.run("1", inputs={name: 1})
    with pytest.raises(PolicyError, match="is a name in the code"):
        Interpreter.open(tools={name: print})
    assert python.alive


def test_inputs_that_can_not_cross_are_refused(python: Interpreter) -> None:
    with pytest.raises(PolicyError):
        python.run("x", inputs={"x": object()})  # type: ignore[dict-item] # pyright: ignore[reportArgumentType]
    assert python.run("1").value == 1


def test_a_forged_result_is_no_result(sandbox: Sandbox) -> None:
    source = """
import sys
sys.modules["lockgate_guest"]._shown = lambda value: "forged"
"""
    with Interpreter.open(sandbox=sandbox) as python:
        python.run(source)
        result = python.run("1")

    assert result.error is not None
    assert result.value is None


def test_one_of_its_own_sandbox_leaves_nothing() -> None:
    with Interpreter.open(policy("basic")) as python:
        worker = python._worker  # pyright: ignore[reportPrivateUsage]
        assert isinstance(worker, Worker)
        pid = worker.pid
        assert alive(pid)
    base = "lockgate_sandbox/_zygote/keeper.py"
    before = task_count(base)
    run_python("1")

    assert wait_until(lambda: task_count(base) <= before)
    assert not alive(pid)


def test_limits_are_the_tiers_own_without_a_policy(python: Interpreter) -> None:
    source = "import resource; resource.getrlimit(resource.RLIMIT_NOFILE)[0]"

    assert python.run(source).value == Limits.for_tier("read-only").open_files


def test_a_tier_is_a_policy_too() -> None:
    code = "open('x', 'w').write('kept'); open('x').read()"
    assert run_python(code, "basic").value == "kept"
    assert run_python(code, "read-only").error is not None
