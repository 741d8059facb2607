"""A host that is forked with workers open: the copy must not share their answers.

A server that opens its workers and then forks does just that. Both have one socket to
the worker, and the same ids ahead of them for calls.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import (
    ClosedError,
    Data,
    HostGrant,
    Policy,
    RemoteError,
    Sandbox,
    Worker,
)
from lockgate_sandbox._line import copies
from lockgate_sandbox.broker import Broker
from tests.support.sandbox import Lab, alive, open_folder, policy

pytestmark = pytest.mark.kernel

_ECHO = """
    import time
    def build(session):
        def handler(method, arguments):
            if method == "count":
                return iter(range(arguments["upto"]))
            time.sleep(arguments.get("seconds", 0))
            print(method)
            return [method, arguments]
        return handler
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_folder() as folder, Sandbox.open() as sandbox:
        made = Lab(sandbox, folder)
        made.write("echo", _ECHO)
        yield made


def _worker(lab: Lab, *, lazy: bool = False) -> Worker:
    return lab.sandbox.worker(
        policy(), target="echo:build", path=[str(lab.folder)], lazy=lazy
    )


def _in_a_copy(what: Callable[[], object]) -> Callable[[], object]:
    """Begin `what` in a forked copy; gives what fetches what came of it there."""
    reader, writer = os.pipe()
    copy = os.fork()
    if not copy:
        try:
            told: object = what()
        except BaseException as error:
            told = [type(error).__name__, str(error)]
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)

    def fetch() -> object:
        with os.fdopen(reader, "rb") as file:
            told: object = json.load(file)
        os.waitpid(copy, 0)
        return told

    return fetch


_REFUSED = "belongs to the process this was forked from"


def _was_refused(told: object) -> bool:
    return isinstance(told, list) and told[0] == "ClosedError" and _REFUSED in told[1]  # pyright: ignore


@pytest.mark.parametrize("calls", [0, 1, 40], ids=["lazy", "by socket", "by pipe"])
def test_a_copy_gets_no_answer_of_its_parents_worker(lab: Lab, calls: int) -> None:
    with _worker(lab, lazy=not calls) as worker:
        for number in range(calls):
            worker.call("before", {"n": number})
        fetch = _in_a_copy(lambda: worker.call("copy's").value)
        secret: dict[str, Data] = {"secret": "the parent's", "seconds": 0.5}
        assert worker.call("parent's", secret).value == ["parent's", secret]
        assert _was_refused(fetch())
        reply = worker.call("after")
        assert (reply.value, reply.output) == (["after", {}], "after\n")


@pytest.mark.parametrize("held", [True, False])
def test_without_that_the_copy_has_its_parents_answer(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    with _worker(lab) as worker:
        if not held:
            monkeypatch.setattr(copies, "_LINES", set[object]())
            monkeypatch.setattr(copies, "_ENDS", set[object]())
        secret: dict[str, Data] = {"secret": "the parent's"}
        pending = worker.submit("parent's", secret)
        worker.flush()
        told = _in_a_copy(lambda: pending.result().value)()
        if held:
            assert _was_refused(told)
            assert pending.result().value == ["parent's", secret]
        else:
            assert told == ["parent's", secret]


@pytest.mark.parametrize("way", ["submit", "stream", "map", "pending", "reading"])
def test_no_other_way_of_asking_leads_there(lab: Lab, way: str) -> None:
    with _worker(lab) as worker, worker.stream("count", {"upto": 100}) as stream:
        pending = worker.submit("gathered")
        ask: dict[str, Callable[[], object]] = {
            "submit": lambda: worker.submit("x").result(),
            "stream": lambda: list(worker.stream("x")),
            "map": lambda: list(worker.map("x", [{}, {}])),
            "pending": pending.result,
            "reading": lambda: list(stream),
        }
        assert next(iter(stream)) == 0
        fetch = _in_a_copy(ask[way])
        assert list(stream) == list(range(1, 100))
        assert pending.result().value == ["gathered", {}]
        assert _was_refused(fetch())


def test_a_copy_that_is_forked_while_others_wait_hangs_on_nothing(lab: Lab) -> None:
    with _worker(lab, lazy=True) as worker:
        waiting = [
            threading.Thread(target=worker.call, args=("x", {"seconds": 0.3}))
            for _ in range(3)
        ]
        for thread in waiting:
            thread.start()
        fetch = _in_a_copy(lambda: worker.call("copy's").value)
        for thread in waiting:
            thread.join()
        assert _was_refused(fetch())
        assert worker.call("after").value == ["after", {}]


def test_a_copy_of_a_callback_neither_answers_nor_kills(lab: Lab) -> None:
    lab.write(
        "asking",
        "def build(session): return lambda *asked: session.call_host('fork')",
    )
    copied: list[int] = []

    def fork(_: dict[str, Data]) -> Data:
        copied.append(os.fork())
        return "copy's" if not copied[0] else "parent's"

    path = [str(lab.folder)]
    with lab.sandbox.worker(
        policy(), target="asking:build", path=path, callbacks={"fork": fork}, lazy=True
    ) as worker:
        try:
            told = worker.call("x").value
        except ClosedError:
            os._exit(7)
        finally:
            if copied and not copied[0]:
                os._exit(8)
        assert told == "parent's"
        assert os.waitstatus_to_exitcode(os.waitpid(copied[0], 0)[1]) == 7
        assert alive(worker.pid)


def _ask_of(worker: Worker) -> None:
    try:
        worker.call("copy's")
    except ClosedError:
        os._exit(3)


def test_a_process_of_multiprocessing_is_such_a_copy(lab: Lab) -> None:
    with _worker(lab, lazy=True) as worker:
        process = multiprocessing.get_context("fork").Process(
            target=_ask_of, args=(worker,)
        )
        process.start()
        process.join()
        assert process.exitcode == 3
        assert worker.call("mine").value == ["mine", {}]


def test_a_copy_has_a_sandbox_and_a_broker_of_its_own_or_none(lab: Lab) -> None:
    """The connections of its parent's broker would bring the parent's answers."""
    given = Policy.for_tier("elevated", hosts=[HostGrant("a.test", (443,))])

    def ask(broker: Broker | None) -> object:
        with Sandbox.open() as own, broker or Broker(given) as mine:
            path = [str(lab.folder)]
            target = "echo:build"
            with own.worker(given, target=target, path=path, broker=mine) as worker:
                return worker.call("own").value

    with Broker(given) as broker:
        shared = _in_a_copy(lambda: ask(broker))()
        assert shared[0] == "ClosedError"  # type: ignore[index] # pyright: ignore
        assert _in_a_copy(lambda: ask(None))() == ["own", {}]


_HOLDS = """
    import socket
    made = []
    def build(session, port):
        def handler(method, arguments):
            if not made:
                made.append(socket.create_connection(("127.0.0.1", port), 5))
            made[0].sendall(method.encode())
            return made[0].recv(99).decode()
        return handler
"""


def _end(broker: Broker, held: bool) -> None:
    """Close it in a copy; not `held`: as if it were the copy's own."""
    if not held:
        vars(broker)["_home"] = os.getpid()
    broker.close()


@pytest.mark.parametrize("held", [True, False])
def test_a_copy_that_closes_its_parents_broker_ends_no_connection(
    lab: Lab, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("holds", _HOLDS)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        grant = HostGrant("127.0.0.1", (port,), allow_private=True)
        given = Policy.for_tier("elevated", hosts=[grant])
        arguments: dict[str, Data] = {"port": port}
        with (
            Broker(given) as broker,
            lab.sandbox.worker(
                given,
                target="holds:build",
                path=[str(lab.folder)],
                arguments=arguments,
                broker=broker,
            ) as worker,
        ):
            assert worker.call("before").value == "before"
            if not held:  # else they are not open in the copy
                monkeypatch.setattr(copies, "_ENDS", set[object]())
            assert _in_a_copy(lambda: _end(broker, held))() is None
            try:
                after = worker.call("after").value
            except RemoteError as ended:  # by the copy's hand
                after = ended.type
            assert (after == "after") == held, after


def _echo(server: socket.socket) -> None:
    made, _ = server.accept()
    with made:
        while data := made.recv(99):
            made.sendall(data)


def test_a_copy_keeps_no_program_waiting_for_the_end_of_its_input(lab: Lab) -> None:
    given, counted = Policy.for_tier("admin"), list[bytes]()

    def count() -> None:
        command = ["/bin/sh", "-c", "sleep 1; wc -c"]
        stdin = b"x" * (1 << 20)
        done = lab.sandbox.run_program(
            given, command, stdin=stdin, executable=["/bin", "/usr/bin"]
        )
        counted.append(done.stdout)

    thread = threading.Thread(target=count)
    thread.start()
    time.sleep(0.5)
    reader, writer = os.pipe()
    fetch = _in_a_copy(lambda: len(os.read(reader, 1)))  # until the test lets go
    thread.join(15)
    os.write(writer, b"x")
    assert fetch() == 1
    for fd in (reader, writer):
        os.close(fd)
    assert [int(told) for told in counted] == [1 << 20]


_ASKS = """
import os
from lockgate_session import session

told = session.secret("TOKEN")
with open(os.environ["TMPDIR"] + "/kept", "w") as file:
    file.write("kept")
print(told, open(file.name).read())
"""


@pytest.mark.parametrize("unwinds", [False, True])
def test_a_copy_of_a_scripts_callback_leaves_the_script_alone(
    lab: Lab, tmp_path: Path, unwinds: bool
) -> None:
    given = Policy.for_tier("elevated", secrets=["TOKEN"])
    script, copied = tmp_path / "asks.py", list[int]()
    script.write_text(_ASKS)

    def fork(_: object) -> None:
        copied.append(os.fork())
        if copied[0]:
            copied.append(os.waitpid(copied[0], 0)[1])
        elif unwinds:
            raise SystemExit

    reader, writer = os.pipe()
    try:
        with Broker(given, secrets={"TOKEN": "parent's"}, audit=fork) as broker:
            done = lab.sandbox.run_file(
                given, script, stdio=(0, writer, 2), broker=broker
            )
    except (ClosedError, SystemExit) as error:
        os._exit(7 if isinstance(error, ClosedError) else 8)
    finally:
        if copied and not copied[0]:
            os._exit(9)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == "parent's kept\n"
    assert done.status == 0
    assert os.waitstatus_to_exitcode(copied[1]) == (8 if unwinds else 7)
