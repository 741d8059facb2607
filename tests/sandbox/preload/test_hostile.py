"""Zygotes with hostile code loaded: what it gets."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate_sandbox import (
    RemoteError,
    SandboxError,
)
from lockgate_sandbox._watch.tree import children
from lockgate_sandbox.linux._libc import NUMBERS
from tests.sandbox.preload.environments import worker_of
from tests.support.sandbox import Lab, alive, parent_of, policy, run, wait_until

pytestmark = pytest.mark.kernel


_EVIL = """
import builtins, os, sys, threading, time

FOUND = {}
for path in ("/etc/passwd", "/tmp", "/proc/1/environ", SECRET):
    try:
        os.listdir(path) if path == "/tmp" else open(path).read()
        FOUND[path] = "read"
    except OSError as error:
        FOUND[path] = type(error).__name__
try:
    import socket
    socket.socket()
    FOUND["socket"] = "made"
except OSError as error:
    FOUND["socket"] = type(error).__name__
try:
    os.kill(os.getppid(), 9)
    FOUND["warden"] = "killed"
except OSError as error:
    FOUND["warden"] = type(error).__name__

KEPT = os.open(__file__, os.O_RDONLY)
builtins.poisoned = True
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

def in_child():
    sys.hooked = True
    try:
        os.fstat(KEPT)
    except OSError:
        sys.hooked = "closed"

os.register_at_fork(after_in_child=in_child)
PID = os.fork()
if not PID:
    os.setsid()
    if os.fork():
        os._exit(0)
    time.sleep(600)
    os._exit(0)
os.waitpid(PID, 0)
"""


def _evil(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    source = _EVIL.replace("SECRET", repr(str(secret)))
    (lab.folder / "evil.py").write_text(source)


def test_a_hostile_module_reaches_nothing_from_the_zygote(
    lab: Lab, tmp_path: Path
) -> None:
    _evil(lab, tmp_path)
    with worker_of(lab, policy(), "evil") as worker:
        found = run(worker, "import evil; result = evil.FOUND")
        assert isinstance(found, dict)
        assert set(map(str, found.values())) == {"PermissionError"}, found


def test_a_hostile_module_only_has_workers_of_its_environment(
    lab: Lab, tmp_path: Path
) -> None:
    _evil(lab, tmp_path)
    code = "import builtins, sys; result = [hasattr(builtins, 'poisoned'), "
    code += "hasattr(sys, 'hooked')]"
    with (
        worker_of(lab, policy(), "evil") as evil,
        worker_of(lab, policy(), "library") as honest,
        worker_of(lab, policy()) as plain,
    ):
        assert run(evil, code) == [True, True]  # so the attack is real
        assert run(honest, code) == [False, False]
        assert run(plain, code) == [False, False]
        # What it keeps open does not come along; the hook still saw it.
        with pytest.raises(RemoteError, match="Bad file descriptor"):
            run(evil, "import evil, os; os.fstat(evil.KEPT)")


def test_what_a_hostile_module_leaves_behind_ends_with_the_zygote(
    lab: Lab, tmp_path: Path
) -> None:
    _evil(lab, tmp_path)
    worker = worker_of(lab, policy(), "evil")
    zygote = parent_of(worker.pid)
    warden = parent_of(zygote)
    # The orphan has come to the warden, which is a subreaper.
    assert wait_until(lambda: len(children(warden)) == 2)
    orphans = children(warden)
    assert all(map(alive, orphans))
    os.kill(zygote, signal.SIGKILL)
    assert wait_until(lambda: not any(map(alive, [*orphans, warden, worker.pid])))
    with pytest.raises(SandboxError):
        run(worker, "result = 1")
    with worker_of(lab, policy(), "evil") as fresh:
        assert parent_of(fresh.pid) != zygote


def test_a_hostile_module_can_not_have_another_process_taken_for_a_worker(
    lab: Lab,
) -> None:
    # Its hook says hello first, in the name of the host: the kernel refuses, and
    # what the host then hears is not from a worker that it could mistake.
    lab.write(
        "evil",
        """
        import os, socket, struct
        TRIED = []

        def in_child():
            mine, theirs = socket.socketpair()
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            told = struct.pack("3i", 1, os.getuid(), os.getgid())
            try:
                theirs.sendmsg(
                    [b"H"], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, told)]
                )
                TRIED.append("forged")
            except OSError as error:
                TRIED.append(type(error).__name__)

        os.register_at_fork(after_in_child=in_child)
        """,
    )
    with worker_of(lab, policy(), "evil") as worker:
        assert worker.pid > 1
        assert parent_of(parent_of(parent_of(worker.pid))) != 1
        found = run(worker, "import evil; result = evil.TRIED")
        assert found == ["PermissionError"]


def test_a_fork_bomb_in_a_preloaded_module_is_bounded(lab: Lab) -> None:
    lab.write(
        "evil",
        """
        import os, time
        COUNT = 0
        try:
            for COUNT in range(100_000):
                if not os.fork():
                    time.sleep(600)
                    os._exit(0)
        except OSError:
            pass
        """,
    )
    given = policy(limits={"processes": 8, "wall_seconds": 50})
    with pytest.raises(SandboxError):  # no process is left for a worker
        worker_of(lab, given, "evil").close()
    lab.sandbox.close()


_STARTS = f"""
import ctypes, errno, os
TOLD = []
libc = ctypes.CDLL(None, use_errno=True)
gone = libc.syscall({NUMBERS["tkill"]}, os.getpid(), 0) == 0
TOLD.append("" if gone else errno.errorcode[ctypes.get_errno()])
try:
    os.execv("/bin/true", ["true"])
except OSError as error:
    TOLD.append(errno.errorcode[error.errno])
"""


def test_a_module_starts_no_program_while_it_is_loaded(
    lab_without: Callable[..., Lab],
) -> None:
    alone = lab_without("landlock")  # it would hold the program, too
    alone.write("starts", _STARTS)
    with worker_of(alone, policy(), "starts") as worker:
        assert run(worker, "import starts; result = starts.TOLD") == ["EPERM", "EPERM"]

    neither = lab_without("landlock", "seccomp", "process-limit")
    neither.write("starts", _STARTS)
    with pytest.raises(SandboxError):  # it is another program by then
        worker_of(neither, policy(), "starts")
