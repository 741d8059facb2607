"""Files counted by asking the warden, where no tmpfs bounds the scratch folder.

Mount namespaces are switched off, which leaves what a plain container has.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from lockgate_sandbox import (
    DiskLimitError,
    InodeLimitError,
    Policy,
    ProcessLimitError,
    Program,
    RemoteError,
    SandboxError,
    Tier,
)
from lockgate_sandbox._watch.room import FileRoom
from lockgate_sandbox._watch.scratch import measure
from lockgate_sandbox._watch.still import Still
from lockgate_sandbox.linux._libc import NUMBERS
from tests.support.confine import CONTAINER
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import Lab, alive, goes_past, policy, run, wait_until

pytestmark = pytest.mark.kernel

LIMIT = 64
_MIB = 1 << 20

_START = """
import os, threading, time
here = os.environ["TMPDIR"]
os.chdir(here)
"""


def small(tier: Tier = Tier.BASIC, **limits: float) -> Policy:
    return policy(tier, limits={"inodes": LIMIT, "disk_bytes": 4 * _MIB, **limits})


def programs(**limits: float) -> Policy:
    given = small(Tier.ELEVATED, **limits).limits
    tools = [Program("true", "/bin/true")]
    return Policy.for_tier(Tier.ELEVATED, limits=given, programs=tools)


@pytest.fixture
def plain(lab_without: Callable[..., Lab]) -> Lab:
    return lab_without("mount-namespace")


@pytest.mark.parametrize("given", [small(), programs()], ids=["basic", "programs"])
def test_the_posture_says_who_counts(plain: Lab, given: Policy) -> None:
    with plain.worker(given) as worker:
        layer = worker.posture["scratch"]
    assert layer.state == "degraded"
    assert f"before each of {LIMIT} files is made" in layer.detail
    assert layer.remedy


_MAKES = {
    "open": "os.close(os.open(str(n), os.O_CREAT | os.O_WRONLY))",
    "exclusive": "os.close(os.open(str(n), os.O_CREAT | os.O_EXCL))",
    "mkdir": "os.mkdir(str(n))",
    "symlink": "os.symlink('/nowhere', str(n))",
    "link": "os.link('first', str(n))",
    "at": "os.mkdir(str(n), dir_fd=folder)",
    "nested": "os.makedirs('d' * (n + 1), exist_ok=True)",
    "exchange": "open('t', 'w').close(); os.rename('t', str(n))",
}
_BOMB = """
folder = os.open(".", os.O_RDONLY)
open("first", "w").close()
result = 0
try:
    for n in range(400):
        {make}
except OSError as error:
    result = error.errno
result = [result, len(os.listdir("."))]
"""


@pytest.mark.parametrize("make", _MAKES)
def test_every_way_to_make_a_file_stops_at_the_limit(plain: Lab, make: str) -> None:
    code = _START + _BOMB.format(make=_MAKES[make])
    errno, count = cast("list[int]", plain.run(small(), code))
    assert errno == 122  # EDQUOT
    assert count in (LIMIT, LIMIT - 1)  # "exchange" needs one to rename


def test_the_bomb_goes_off_when_nobody_counts(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("scratch", "uid")
    code = _START + _BOMB.format(make=_MAKES["open"])
    assert goes_past(lab, small(), code, [0, 401])


def test_it_is_reported_as_what_it_is(plain: Lab) -> None:
    code = _START + "for n in range(400): open(str(n), 'w').close()"
    with plain.worker(small()) as worker:
        with pytest.raises(InodeLimitError) as caught:
            run(worker, code)
        assert caught.value.claimed
        assert run(worker, "result = 1") == 1


def test_what_is_removed_gives_its_room_back(plain: Lab) -> None:
    code = """
        for n in range(20 * 60):
            open(str(n), "w").close()
            if n % 60 == 59:
                for name in os.listdir("."):
                    os.unlink(name)
        result = "through"
    """
    with plain.worker(small()) as worker:
        assert worker.call(_START + _dedent(code)).value == "through"


def test_an_open_that_makes_nothing_is_never_refused(plain: Lab) -> None:
    code = """
        for n in range(64):
            open(str(n), "w").close()
        for n in range(500):
            open(str(n % 64)).close()
            os.close(os.open(str(n % 64), os.O_WRONLY | os.O_TRUNC))
        result = "through"
    """
    assert plain.run(small(), _START + _dedent(code)) == "through"


def test_many_threads_at_once_do_not_get_past_the_limit(plain: Lab) -> None:
    code = """
        def bomb(who):
            try:
                for n in range(100):
                    open(f"{who}-{n}", "w").close()
            except OSError:
                pass
        threads = [threading.Thread(target=bomb, args=(n,)) for n in range(16)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        result = len(os.listdir("."))
    """
    assert plain.run(small(), _START + _dedent(code)) == LIMIT


def test_children_count_together_with_their_parent(plain: Lab) -> None:
    code = """
        for who in range(8):
            if not os.fork():
                try:
                    for n in range(100):
                        os.mkdir(f"{who}-{n}")
                finally:
                    os._exit(0)
        for _ in range(8):
            os.wait()
        result = len(os.listdir("."))
    """
    assert plain.run(programs(), _START + _dedent(code)) == LIMIT


def test_a_folder_that_moves_while_it_is_counted_hides_nothing(plain: Lab) -> None:
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
    assert plain.run(small(), _START + _dedent(code)) == LIMIT


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
def test_a_folder_that_moves_does_not_hide_its_bytes(plain: Lab, wake: str) -> None:
    code = """
        for n in range(30):
            file = os.open(str(n), os.O_CREAT | os.O_RDWR, dir_fd=inside)
            os.write(file, bytes(1 << 20))
            time.sleep(0.1)
        result = "through"
    """
    given = small(inodes=2000, wall_seconds=20)
    with pytest.raises(DiskLimitError):
        plain.run(given, _START + wake + _DANCE + _dedent(code))


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
    done = run_as_ordinary(base, argv, {"dark.py": _DARK}, refuse=CONTAINER)
    assert done.stdout == ""
    assert "[disk-limit]" in done.stderr


def test_a_folder_that_is_too_deep_hides_no_bytes(plain: Lab) -> None:
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
        plain.run(small(), _START + _dedent(code))


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


def test_bytes_over_the_limit_stop_new_files(plain: Lab) -> None:
    code = """
        for n in range(4):
            open(str(n), "wb").write(bytes(1 << 20))
        os.write(os.open("0", os.O_WRONLY | os.O_APPEND), bytes(1 << 20))
        os.sync()
        time.sleep(1)
        open("more", "w")
    """
    with pytest.raises(DiskLimitError):
        plain.run(small(), _START + _dedent(code))


def test_bytes_that_are_written_when_nobody_waits_end_the_worker(plain: Lab) -> None:
    code = """
        def later():
            time.sleep(0.2)
            for n in range(4):
                open(str(n), "wb").write(bytes(3 << 20))
            while True:
                time.sleep(0.01)
        threading.Thread(target=later, daemon=True).start()
    """
    with plain.worker(small()) as worker:
        run(worker, _START + _dedent(code))
        assert wait_until(lambda: not alive(worker.pid))
        with pytest.raises(DiskLimitError):
            run(worker, "result = 1")


@pytest.mark.parametrize(
    ("code", "errno"),
    [
        ("os.posix_fallocate(os.open('f', os.O_CREAT | os.O_RDWR), 0, 1 << 20)", 0),
        ("os.open('.', os.O_TMPFILE | os.O_RDWR)", 95),
        ("raw('fallocate', os.open('f', os.O_CREAT | os.O_RDWR), 0, 0, 1 << 20)", 95),
        ("raw('openat2', -100, b'f', bytes(24), 24)", 38),
    ],
)
def test_what_could_take_room_unseen_does_not_exist(
    plain: Lab, code: str, errno: int
) -> None:
    source = f"""
        import ctypes
        numbers = {{"fallocate": {_number("fallocate")}, "openat2": 437}}
        libc = ctypes.CDLL(None, use_errno=True)
        def raw(name, *args):
            if libc.syscall(numbers[name], *args) < 0:
                raise OSError(ctypes.get_errno(), name)
        result = 0
        try:
            {code}
        except OSError as error:
            result = error.errno
    """
    assert plain.run(small(), _START + _dedent(source)) == errno


def test_temporary_files_work_without_nameless_ones(plain: Lab) -> None:
    code = """
        import tempfile
        for _ in range(200):
            with tempfile.TemporaryFile() as file:
                file.write(b"x")
            with tempfile.TemporaryDirectory() as folder:
                open(f"{folder}/f", "w").close()
        result = "through"
    """
    assert plain.run(small(), _START + _dedent(code)) == "through"


def test_nobody_waits_for_a_warden_that_is_dead(plain: Lab) -> None:
    code = """
        pid = os.getpid()
        while True:
            try:
                os.mkdir("d")
                os.rmdir("d")
            except OSError:
                pass
    """
    with plain.worker(small(wall_seconds=30)) as worker:
        warden = _parent(worker.pid)
        os.kill(warden, signal.SIGSTOP)
        started = time.monotonic()

        def end() -> None:
            os.kill(warden, signal.SIGKILL)

        timer = threading.Timer(0.5, end)
        timer.start()
        with pytest.raises(SandboxError):
            run(worker, _START + _dedent(code))
        assert time.monotonic() - started < 20
        timer.join()
        assert wait_until(lambda: not alive(worker.pid))


def test_signals_interrupt_nothing_for_long(plain: Lab) -> None:
    code = """
        import signal
        seen = []
        signal.signal(signal.SIGALRM, lambda *_: seen.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        made = failed = 0
        while made < 200 or len(seen) < 200:
            try:
                os.mkdir("d")
                made += 1
                os.rmdir("d")
            except InterruptedError:
                failed += 1
            except FileExistsError:
                os.rmdir("d")
        signal.setitimer(signal.ITIMER_REAL, 0)
        result = [made, failed, len(seen)]
    """
    # A signal that comes while the warden has not answered yet gives EINTR, as on any
    # slow file system. How many do depends on the machine; that calls get through
    # between two of them does not, and the wall limit ends a worker whose never do.
    made, _, seen = cast("list[int]", plain.run(small(), _START + _dedent(code)))
    assert made >= 200
    assert seen >= 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only uid 0 escapes RLIMIT_NPROC")
def test_one_warden_answers_both_questions(lab_without: Callable[..., Lab]) -> None:
    lab = lab_without("mount-namespace", "uid", "user-namespace", "cgroup")
    forks = """
        import signal
        for _ in range(100):
            if not os.fork():
                signal.pause()
                os._exit(0)
    """
    given = programs(processes=16)
    with lab.worker(given) as worker:
        assert "warden" in worker.posture["process-limit"].detail
        assert "warden" in worker.posture["scratch"].detail
        with pytest.raises(InodeLimitError):
            run(worker, _START + "for n in range(99): open(str(n), 'w').close()")
        with pytest.raises(ProcessLimitError):
            run(worker, _START + _dedent(forks))


def test_a_program_that_fails_at_the_limit_is_told_by_the_warden(plain: Lab) -> None:
    with pytest.raises(InodeLimitError) as caught:
        plain.sandbox.run_program(
            programs(),
            ["sh", "-c", "for n in $(seq 200); do : >$n; done"],
            executable=["/bin", "/usr/bin"],
        )
    assert not caught.value.claimed


_SCRIPT = """
import os
os.chdir(os.environ["TMPDIR"])
try:
    for n in range(1000):
        open(str(n), "w").close()
finally:
    print(len(os.listdir(".")))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_an_ordinary_user_in_a_container_is_counted_too(base: Base) -> None:
    argv = ["-m", "lockgate_sandbox", "run", "--inodes=50", "script.py"]
    done = run_as_ordinary(base, argv, {"script.py": _SCRIPT}, refuse=CONTAINER)
    assert done.stdout == "50\n", done.stderr
    assert "[inode-limit]" in done.stderr


_THREADS = """
import os, threading, time
threading.stack_size(1 << 15)
started = 1
try:
    while started < 400:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        started += 1
except RuntimeError:
    pass
os.write(1, b"%d" % started)
os._exit(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another uid")
def test_threads_of_an_ordinary_user_in_a_container_are_counted_too(base: Base) -> None:
    argv = ["-m", "lockgate_sandbox", "run", "--tier=basic", "--pids=20"]
    done = run_as_ordinary(
        base, [*argv, "threads.py"], {"threads.py": _THREADS}, refuse=CONTAINER
    )
    assert done.stdout == "20", done.stderr


def test_threads_go_on_without_end_when_nobody_counts(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("mount-namespace", "process-limit", "cgroup")
    code = _THREADS.replace('os.write(1, b"%d" % started)', "result = started")
    code = code.replace("os._exit(0)", "")
    assert goes_past(lab, small(processes=20), code, 400)


def test_a_refused_path_is_still_refused(plain: Lab) -> None:
    with pytest.raises(RemoteError, match="Permission denied"):
        plain.run(small(), "open('/tmp/outside', 'w')")


def _dedent(code: str) -> str:
    return textwrap.dedent(code)


def _parent(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def _number(name: str) -> int:
    return NUMBERS[name]
