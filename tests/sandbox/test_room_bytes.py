"""Bytes counted by asking the warden, where no tmpfs bounds the scratch folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from lockgate_sandbox import DiskLimitError
from lockgate_sandbox._watch.room import FileRoom
from lockgate_sandbox._watch.scratch import measure
from lockgate_sandbox._watch.still import Still
from lockgate_sandbox.linux._libc import NUMBERS
from tests.sandbox.roomy import LIMIT, RAW, START, small
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import Lab, alive, run, wait_until

pytestmark = pytest.mark.kernel


def test_a_folder_that_moves_while_it_is_counted_hides_nothing(unmounted: Lab) -> None:
    code = """
        os.mkdir("a"); os.mkdir("b"); os.mkdir("a/full")
        stop = threading.Event()
        def move():
            while not stop.is_set():
                os.rename("a/full", "b/full")
                os.rename("b/full", "a/full")
        threads = [threading.Thread(target=move) for _ in range(1)]
        for thread in threads: thread.start()
        made, end = 0, time.monotonic() + 3
        while time.monotonic() < end:
            where = "a/full" if made % 2 else "b/full"
            try:
                os.close(os.open(f"{where}/{made}", os.O_CREAT | os.O_WRONLY))
                made += 1
            except FileNotFoundError:
                pass
            except OSError:
                time.sleep(0.01)
        stop.set()
        for thread in threads: thread.join()
        result = 3 + sum(len(files) for _, _, files in os.walk("."))
    """
    assert unmounted.run(small(), START + textwrap.dedent(code)) == LIMIT


_DANCE = """
for n in range(1500):
    open(f"f{n}", "w").close()
os.mkdir("d0")
inside = os.open("d0", os.O_RDONLY)
def dance():
    n = 0
    while True:
        os.rename(f"d{n}", f"d{n + 1}")
        n += 1
threading.Thread(target=dance, daemon=True).start()
"""
"""A folder that is never twice where it was when its neighbours were read."""

_WAKE = """
import ctypes, struct
wanted = ctypes.create_string_buffer(64)
struct.pack_into("<Qii", wanted, 0, 0, 18, 0)  # SIGCONT, SIGEV_SIGNAL
timer = ctypes.c_void_p()
libc = ctypes.CDLL(None)
assert not libc.timer_create(1, wanted, ctypes.byref(timer))
assert not libc.timer_settime(timer, 0, struct.pack("<4q", 0, 200_000, 0, 200_000), 0)
"""
"""A timer that has a stopped process go on, after 0.2 ms: it then waits to rename."""


@pytest.mark.parametrize("wake", ["", _WAKE], ids=["stopped", "woken"])
def test_a_folder_that_moves_does_not_hide_its_bytes(unmounted: Lab, wake: str) -> None:
    code = """
        for n in range(30):
            file = os.open(str(n), os.O_CREAT | os.O_RDWR, dir_fd=inside)
            os.write(file, bytes(1 << 20))
            time.sleep(0.1)
        result = "through"
    """
    given = small(inodes=2000, wall_seconds=20)
    with pytest.raises(DiskLimitError):
        unmounted.run(given, START + wake + _DANCE + textwrap.dedent(code))


def test_whoever_only_looks_finds_less_than_is_there(tmp_path: Path) -> None:
    code = f"""
import os, sys, threading
os.chdir({str(tmp_path)!r})
if not os.fork():
    {_DANCE.replace(chr(10), chr(10) + "    ")}
    os.write(os.open("big", os.O_CREAT | os.O_RDWR, dir_fd=inside), bytes(1 << 20))
    print("dances", flush=True)
    threading.Event().wait()
os.wait()
"""
    argv = [sys.executable, "-c", code]
    held: list[tuple[int, int]] = []
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "dances\n"
            bare = [measure(str(tmp_path), 1 << 30, 10_000) for _ in range(20)]
            for _ in range(20):
                with Still(parent.pid):
                    held.append(measure(str(tmp_path), 1 << 30, 10_000))
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
    assert min(bare)[0] < 1 << 20
    assert held == [(max(held)[0], 1502)] * 20
    assert held[0][0] >= 1 << 20


def test_who_asks_in_vain_does_not_keep_the_warden_busy(tmp_path: Path) -> None:
    for n in range(2000):
        (tmp_path / str(n)).touch()
    room = FileRoom(os.open(tmp_path, os.O_RDONLY), 1 << 30, 2000)
    wall, busy = time.monotonic(), time.thread_time()
    while time.monotonic() < wall + 0.5:
        assert room.ask(1) == 122
    assert time.thread_time() - busy < 0.4 * (time.monotonic() - wall)


_DARK = """
import os, time
os.chdir(os.environ["TMPDIR"])
os.mkdir("dark", 0o300)
inside = os.open("dark", os.O_PATH)
for n in range(30):
    file = os.open(str(n), os.O_CREAT | os.O_WRONLY, dir_fd=inside)
    os.write(file, bytes(1 << 20))
    time.sleep(0.05)
print("through")
"""
"""Its owner may go in and make files, but not list it."""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_a_folder_that_may_not_be_listed_hides_no_bytes(base: Base) -> None:
    argv = ["-m", "lockgate_sandbox", "run", "--disk=4M", "dark.py"]
    done = run_as_ordinary(base, argv, {"dark.py": _DARK}, container=True)
    assert done.stdout == ""
    assert "[disk-limit]" in done.stderr


def test_a_folder_that_is_too_deep_hides_no_bytes(unmounted: Lab) -> None:
    code = """
        inside = os.open(".", os.O_PATH)
        for _ in range(20):
            os.mkdir("d" * 250, dir_fd=inside)
            inside = os.open("d" * 250, os.O_PATH, dir_fd=inside)
        for n in range(30):
            file = os.open(str(n), os.O_CREAT | os.O_WRONLY, dir_fd=inside)
            os.write(file, bytes(1 << 20))
            time.sleep(0.05)
        result = "through"
    """
    with pytest.raises(DiskLimitError):
        unmounted.run(small(), START + textwrap.dedent(code))


def test_a_folder_that_can_not_be_looked_into_is_too_much(tmp_path: Path) -> None:
    room = FileRoom(os.open(tmp_path, os.O_RDONLY), 1 << 30, 100)
    assert room.ask(1) == 0
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(90):
        os.mkdir("d" * 100, dir_fd=deep)
        inner = os.open("d" * 100, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    for _ in range(99):
        room.ask(1)
    assert room.ask(1) == 28  # ENOSPC
    assert room.overflows()


def test_bytes_over_the_limit_stop_new_files(unmounted: Lab) -> None:
    code = """
        for n in range(4):
            open(str(n), "wb").write(bytes(1 << 20))
        os.write(os.open("0", os.O_WRONLY | os.O_APPEND), bytes(1 << 20))
        os.sync()
        time.sleep(1)
        open("more", "w")
    """
    with pytest.raises(DiskLimitError):
        unmounted.run(small(), START + textwrap.dedent(code))


def test_bytes_that_are_written_when_nobody_waits_end_the_worker(
    unmounted: Lab,
) -> None:
    code = """
        def later():
            time.sleep(0.2)
            for n in range(4):
                open(str(n), "wb").write(bytes(3 << 20))
            while True:
                time.sleep(0.01)
        threading.Thread(target=later, daemon=True).start()
    """
    with unmounted.worker(small()) as worker:
        run(worker, START + textwrap.dedent(code))
        assert wait_until(lambda: not alive(worker.pid))
        with pytest.raises(DiskLimitError):
            run(worker, "result = 1")


@pytest.mark.parametrize(
    ("code", "errno"),
    [
        ("os.posix_fallocate(os.open('f', os.O_CREAT | os.O_RDWR), 0, 1 << 20)", 0),
        ("os.open('.', os.O_TMPFILE | os.O_RDWR)", 95),
        pytest.param(
            "raw('open', b'.', os.O_TMPFILE | os.O_RDWR, 0o600)",
            95,
            marks=pytest.mark.skipif("open" not in NUMBERS, reason="no such call"),
        ),
        ("raw('fallocate', os.open('f', os.O_CREAT | os.O_RDWR), 0, 0, 1 << 20)", 95),
        ("raw('openat2', -100, b'f', bytes(24), 24)", 38),
    ],
)
def test_what_could_take_room_unseen_does_not_exist(
    unmounted: Lab, code: str, errno: int
) -> None:
    source = f"""
        result = 0
        try:
            {code}
        except OSError as error:
            result = error.errno
    """
    assert unmounted.run(small(), START + RAW + textwrap.dedent(source)) == errno
