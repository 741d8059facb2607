"""A host that is forked while another of its threads starts or ends something.

What that thread holds, and nobody has noted yet, the copy would keep as long as it
lives; and what it was just closing must not keep the copy from letting go of the rest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import ClosedError, Sandbox, Worker
from lockgate_sandbox._line import copies, line
from lockgate_sandbox._watch import output
from tests.support.sandbox import (
    Lab,
    alive,
    open_folder,
    policy,
    task_count,
    wait_until,
)

pytestmark = pytest.mark.kernel

_ECHO = """
    def build(session): return lambda method, arguments: method
"""

_HOST = """
import json, os, signal, socket, subprocess, sys, threading
from lockgate_sandbox import Sandbox
from lockgate_sandbox._line import copies

if sys.argv[1] == "off":
    copies.pair = lambda kind: socket.socketpair(socket.AF_UNIX, kind)
begun, forked, opened, run = threading.Event(), threading.Event(), [], subprocess.run
def midway(*given, **named):
    subprocess.run = run
    done = run(*given, **named)
    begun.set()
    forked.wait()
    return done
subprocess.run = midway
thread = threading.Thread(target=lambda: opened.append(Sandbox.open()))
thread.start()
begun.wait()
copy = os.fork()
if not copy:
    os.close(1)
    signal.pause()
forked.set()
thread.join()
print(json.dumps([copy, opened[0]._nursery._base]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with open_folder() as folder, Sandbox.open() as sandbox:
        made = Lab(sandbox, folder)
        made.write("echo", _ECHO)
        yield made


def _worker(lab: Lab) -> Worker:
    return lab.sandbox.worker(policy(), target="echo:build", path=[str(lab.folder)])


def _in_a_copy(what: Callable[[], object]) -> object:
    reader, writer = os.pipe()
    copy = os.fork()
    if not copy:
        try:
            told: object = what()
        except ClosedError:
            told = "refused"
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        found: object = json.load(file)
    os.waitpid(copy, 0)
    return found


@pytest.mark.parametrize("held", [True, False])
def test_a_copy_made_while_a_sandbox_opens_keeps_nothing_of_it_alive(
    held: bool,
) -> None:
    """The host is killed: its keeper and zygote end, and its folder goes."""
    words = [sys.executable, "-c", _HOST, "held" if held else "off"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    assert done.returncode == -signal.SIGKILL
    copy, base = json.loads(done.stdout)

    def is_gone() -> bool:
        return not (task_count(base) or Path(base).exists())

    try:
        if held:
            wait_until(is_gone)
        else:
            time.sleep(1)  # what is let go of goes within milliseconds
            assert task_count(base) >= 2
            assert Path(base).exists()
        assert alive(copy)
    finally:
        os.kill(copy, signal.SIGKILL)
    wait_until(is_gone)


def _nothing(*_: object) -> AbstractContextManager[None]:
    return nullcontext()


@pytest.mark.parametrize("held", [True, False])
def test_a_worker_that_is_being_closed_keeps_a_copy_from_no_other(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    with _worker(lab) as worker, _worker(lab) as closing:
        if not held:
            monkeypatch.setattr(copies, "suppress", _nothing)
            monkeypatch.setattr(line, "suppress", _nothing)
        monkeypatch.setattr(copies, "_ENDS", set[object]())  # they'd hold it, too
        order = [closing.line, worker.line]  # which one is first is chance
        monkeypatch.setattr(copies, "_LINES", order.copy())
        end, closing.line.output.fd = closing.line.output.fd, 1 << 20  # none of ours
        pending = worker.submit("parent's")
        worker.flush()
        told = _in_a_copy(lambda: pending.result().value)
        closing.line.output.fd = end
        if held:
            assert told == "refused"
            assert pending.result().value == "parent's"
        else:
            assert told == "parent's"


def test_what_a_thread_is_closing_is_no_copys_to_close(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then its number may be another file's."""
    told: list[object] = []

    class Midway:
        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def close(self, fd: int) -> None:
            os.close(fd)
            told.append(_in_a_copy(lambda: worker.line.output.fd))

    with _worker(lab) as worker:
        monkeypatch.setattr(output, "os", Midway())
        worker.close()
    assert told == [-1]


def test_no_copy_is_made_between_making_descriptors_and_noting_them() -> None:
    order: list[str] = []
    held = threading.Event()

    def note() -> None:
        with copies.none_made:
            held.set()
            time.sleep(0.3)
            order.append("noted")

    noting = threading.Thread(target=note)
    noting.start()
    held.wait()
    assert _in_a_copy(lambda: order) == ["noted"]
    noting.join()
    with copies.none_made:  # not even the one that holds it waits for ever
        assert _in_a_copy(lambda: order) == ["noted"]


def test_a_copy_made_while_others_load_modules_hangs_on_nothing(lab: Lab) -> None:
    lab.write("slow", "import time\ntime.sleep(1)")
    path = [str(lab.folder)]

    def load() -> None:
        lab.sandbox.worker(
            policy(), target="echo:build", path=path, preload=["slow"]
        ).close()

    loading = threading.Thread(target=load)
    loading.start()
    lock = lab.sandbox._preloads._lock  # pyright: ignore[reportPrivateUsage]
    wait_until(lock.locked)

    def ask() -> object:
        signal.alarm(20)  # it would wait for a thread that it has not got
        given: dict[str, Any] = {"path": path, "preload": ["slow"]}
        return lab.sandbox.pool(policy(), target="echo:build", **given).size

    assert _in_a_copy(ask) == "refused"
    loading.join()
