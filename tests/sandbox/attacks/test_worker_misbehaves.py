"""Plugins that crash, hang, flood, lie on the wire or will not die.

Each costs its own worker, at most; the host gets a typed error and the next
worker of the same sandbox works.
"""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import (
    CpuLimitError,
    DepthLimitError,
    DescriptorLimitError,
    MemoryLimitError,
    MessageLimitError,
    OutputLimitError,
    Policy,
    Program,
    ProtocolError,
    RemoteError,
    SandboxError,
    StartError,
    Tier,
    WallLimitError,
    WorkerDiedError,
)
from lockgate_sandbox.linux import credentials
from tests.support.sandbox import (
    TIERS,
    Lab,
    alive,
    outside,
    policy,
    run,
    wait_until,
)

pytestmark = pytest.mark.kernel

_ELEVATED = Policy.for_tier(Tier.ELEVATED, programs=[Program("true", "/bin/true")])


FIND = """
import os, socket, stat, struct
def is_socket(fd):
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False
channel = socket.socket(fileno=next(fd for fd in range(3, 64) if is_socket(fd)))
def frame(value):
    channel.send(struct.pack("<I", len(value)) + value)
"""


@pytest.fixture(autouse=True)
def _next_worker_works(lab: Lab) -> Iterator[None]:
    yield
    assert lab.run(policy(), "result = 6 * 7") == 42


def _fails(lab: Lab, code: str, given: Policy | None = None) -> SandboxError:
    """The error of running `code`; the worker must be dead after it."""
    with lab.worker(given or policy()) as worker:
        with pytest.raises(SandboxError) as caught:
            run(worker, code)
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
        return caught.value


def test_segfault_is_reported_with_its_signal(lab: Lab) -> None:
    error = _fails(lab, "import ctypes\nctypes.string_at(0)")
    assert isinstance(error, WorkerDiedError)
    assert error.signal == signal.SIGSEGV


def test_exit_in_mid_call_is_reported_with_its_status(lab: Lab) -> None:
    error = _fails(lab, "import os\nos._exit(3)")
    assert isinstance(error, WorkerDiedError)
    assert (error.status, error.signal) == (3, None)


def test_abort_is_reported_with_its_signal(lab: Lab) -> None:
    error = _fails(lab, "import os\nos.abort()")
    assert isinstance(error, WorkerDiedError)
    assert error.signal == signal.SIGABRT


def test_sleep_ends_at_the_wall_limit_also_if_sigterm_is_ignored(lab: Lab) -> None:
    code = """
        import signal, time
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            time.sleep(1)
    """
    error = _fails(lab, code, policy(limits={"wall_seconds": 0.3}))
    assert isinstance(error, WallLimitError)


def test_sleep_in_c_with_the_gil_held_ends_at_the_wall_limit(lab: Lab) -> None:
    code = "import ctypes\nctypes.PyDLL(None).sleep(600)"
    error = _fails(lab, code, policy(limits={"wall_seconds": 0.3}))
    assert isinstance(error, WallLimitError)


def test_spin_in_c_with_the_gil_held_ends_at_the_cpu_limit(lab: Lab) -> None:
    code = "import itertools\nsum(itertools.repeat(1))"
    error = _fails(lab, code, policy(limits={"cpu_seconds": 1}))
    assert isinstance(error, CpuLimitError)


def test_cpu_limit_holds_though_its_signal_is_caught(lab: Lab) -> None:
    code = """
        import signal
        signal.signal(signal.SIGXCPU, signal.SIG_IGN)
        while True:
            pass
    """
    error = _fails(lab, code, policy(limits={"cpu_seconds": 1}))
    assert isinstance(error, CpuLimitError)


def test_timeout_of_a_call_only_shortens(lab: Lab) -> None:
    with lab.worker(policy(limits={"wall_seconds": 0.2})) as worker:
        started = time.monotonic()
        with pytest.raises(WallLimitError) as caught:
            worker.call("import time; time.sleep(60)", {}, timeout=30)
        assert time.monotonic() - started < 20
        assert caught.value.limit == 0.2


def test_memory_beyond_the_limit_is_a_memory_error_and_the_worker_lives(
    lab: Lab,
) -> None:
    with lab.worker(policy(limits={"memory_bytes": 64 << 20})) as worker:
        with pytest.raises(MemoryLimitError):
            run(worker, "result = len(bytearray(512 << 20))")
        assert run(worker, "result = 1") == 1


_SHARED = """
import ctypes, mmap, time
if dumpable is not None:
    ctypes.CDLL(None).prctl(4, dumpable, 0, 0, 0)
room = mmap.mmap(-1, 256 << 20)
for start in range(0, len(room), 4096):
    room[start] = 1
time.sleep(60)
"""

_CAP_SYS_PTRACE = 19

_UNMAPPED = """
import os, time
fd = os.memfd_create("x")
for _ in range(256):
    os.write(fd, bytes(1 << 20))
time.sleep(60)
"""


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("code", [_SHARED, _UNMAPPED], ids=["mapped", "unmapped"])
def test_memory_that_no_rlimit_sees_is_refused(lab: Lab, code: str, tier: Tier) -> None:
    with pytest.raises(RemoteError, match="Operation not permitted"):
        lab.run(policy(tier), code, dumpable=None)


@pytest.mark.parametrize("dumpable", [None, 0, 1])
@pytest.mark.parametrize("code", [_SHARED, _UNMAPPED], ids=["mapped", "unmapped"])
def test_memory_that_no_rlimit_sees_is_sampled(
    lab_without: Callable[..., Lab], code: str, dumpable: int | None
) -> None:
    if code == _UNMAPPED and not credentials.has_capability(_CAP_SYS_PTRACE):
        pytest.skip(
            "only CAP_SYS_PTRACE sees the descriptors of a process closed to tracing"
        )
    lab = lab_without("seccomp", "rlimits", "process-limit", "cgroup")
    given = policy(limits={"memory_bytes": 64 << 20})
    with lab.worker(given) as worker, pytest.raises(MemoryLimitError):
        run(worker, code, dumpable=dumpable)


def test_thread_bomb_stops_at_the_process_limit(lab: Lab) -> None:
    code = """
        import threading, time
        stop = threading.Event()
        count = 0
        try:
            while count < 500:
                threading.Thread(target=stop.wait, daemon=True).start()
                count += 1
        finally:
            stop.set()
    """
    with pytest.raises(SandboxError) as caught:
        lab.run(policy(limits={"processes": 16}), code)
    assert caught.value.code in ("remote-error", "process-limit", "memory-limit")
    if isinstance(caught.value, RemoteError):
        assert "can't start new thread" in caught.value.message


def test_fork_bomb_dies_with_its_worker(lab: Lab) -> None:
    code = """
        import os, time
        def bomb():
            while True:
                try:
                    if not os.fork():
                        os.setsid()
                except OSError:
                    time.sleep(0.01)
        bomb()
    """
    bomber = lab.worker(_ELEVATED)
    uid = bomber.posture.uid
    with pytest.raises(SandboxError):
        bomber.call(textwrap.dedent(code), {}, timeout=1.0)
    bomber.close()
    assert wait_until(lambda: not alive(bomber.pid))
    if uid not in (0, os.getuid()):
        assert wait_until(lambda: not _tasks_of(uid))


def _tasks_of(uid: int) -> list[str]:
    found: list[str] = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and path.stat().st_uid == uid:
                found.append(path.name)
        except OSError:
            continue
    return found


def test_orphans_in_sessions_of_their_own_die_with_their_worker(lab: Lab) -> None:
    code = """
        import os, time
        reader, writer = os.pipe()
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            os.write(writer, b"%d" % os.getpid())
            while True:
                time.sleep(60)
        os.wait()
        result = int(os.read(reader, 20))
    """
    with lab.worker(_ELEVATED) as worker:
        inner = run(worker, code)
        assert isinstance(inner, int)
        orphan = outside(worker, inner)
        assert alive(orphan)
    assert wait_until(lambda: not alive(orphan))


def test_a_fork_that_comes_back_from_the_handler_is_ended(lab: Lab) -> None:
    with lab.worker(_ELEVATED) as worker:
        assert run(worker, "import os\nresult = os.fork() and 5") == 5
        assert run(worker, "result = 6") == 6


def test_flood_of_output_is_an_error(lab: Lab) -> None:
    code = """
        import os
        while True:
            os.write(1, b"x" * 65536)
    """
    error = _fails(lab, code, policy(limits={"output_bytes": 1000}))
    assert isinstance(error, OutputLimitError)


def test_much_output_is_truncated_with_a_marker_and_blocks_nobody(lab: Lab) -> None:
    with lab.worker(policy(limits={"output_bytes": 1000})) as worker:
        reply = worker.call("print('x' * 500_000); result = 1", {})
        assert reply.value == 1
        assert reply.output.startswith("x" * 1000 + "\n[output truncated: 499001 ")
        assert reply.usage.output_bytes == 500_001
        assert worker.call("result = 2", {}).output == ""


def test_reply_over_the_limit_is_refused_by_the_honest_side(lab: Lab) -> None:
    with lab.worker(policy(limits={"message_bytes": 100_000})) as worker:
        with pytest.raises(MessageLimitError) as caught:
            run(worker, "result = bytes(200_000)")
        assert caught.value.limit == 100_000
        assert run(worker, "result = 1") == 1


def test_deep_reply_is_refused(lab: Lab) -> None:
    code = """
        result = []
        for _ in range(500):
            result = [result]
    """
    with lab.worker(policy()) as worker:
        with pytest.raises(DepthLimitError) as caught:
            run(worker, code)
        assert caught.value.unit == "levels"


@pytest.mark.parametrize("value", ["object()", "{1: 2}", "2 ** 70", "'\\ud800'"])
def test_reply_that_is_no_data_is_a_type_error(lab: Lab, value: str) -> None:
    with lab.worker(policy()) as worker:
        with pytest.raises(RemoteError) as caught:
            run(worker, f"result = {value}")
        assert caught.value.type == "TypeError"
        assert run(worker, "result = 1") == 1


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ('channel.send(b"x")', "without length"),
        ('channel.send(b"garbage, not a frame at all")', ""),
        ("channel.send(bytes(65536))", "a packet of 65536"),
        ('frame(b"\\xdd\\xff\\xff\\xff\\xff")', "nodes"),
        ('frame(b"\\xdc\\xff\\xff")', "claims more nodes"),
        ('frame(b"\\xc1")', "not data"),
        ('frame(b"\\xd7\\xff" + bytes(8))', "not data"),
        ('frame(b"\\x91\\x07")', "elements"),
        ('frame(b"\\x93\\x07\\xc4\\x08" + bytes(8) + b"\\x01")', "another call's id"),
        ('frame(b"\\x93\\x02\\xc4\\x08" + bytes(8) + b"\\x01")', "may not come now"),
        ('frame(b"\\x93\\x05\\xc4\\x08" + bytes(8) + b"\\x01")', "may not come now"),
        ('frame(b"\\x81\\x01\\x02")', "not a string"),
        ('frame(b"\\x90")', "not a list"),
        ('frame(b"\\x91\\xa1\\xff")', "utf-8"),
        ('channel.send(struct.pack("<I", 100_000) + b"x" * 10)', "a packet of 14"),
    ],
)
def test_lie_on_the_wire_kills_the_liar(lab: Lab, lie: str, reason: str) -> None:
    error = _fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, ProtocolError | MessageLimitError)
    assert reason in str(error)


def test_claimed_length_over_the_limit_kills_before_anything_is_read(lab: Lab) -> None:
    lie = 'channel.send(struct.pack("<I", 0xFFFFFFFF) + b"x")'
    error = _fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, MessageLimitError)


def test_deep_frame_kills_before_it_is_decoded(lab: Lab) -> None:
    lie = 'frame(b"\\x91" * 60000 + b"\\xc0")'
    error = _fails(lab, f"{FIND}\n{lie}\nimport time; time.sleep(60)")
    assert isinstance(error, DepthLimitError)
    assert error.unit == "levels"


def test_answering_twice_kills_at_the_next_call(lab: Lab) -> None:
    # The id of the running call is in the first frame that the session keeps.
    code = f"""{FIND}
call = session._now.call
frame(b"\\x93\\x07\\xc4\\x08" + call + b"\\x01")
result = 2
"""
    with lab.worker(policy()) as worker:
        assert worker.call(code, {}).value == 1
        with pytest.raises(ProtocolError, match="late, repeated or forged"):
            run(worker, "result = 3")
        assert not worker.alive


def test_descriptors_smuggled_to_the_host_are_never_opened(lab: Lab) -> None:
    code = f"""{FIND}
import _socket
call = session._now.call
value = b"\\x93\\x07\\xc4\\x08" + call + b"\\x01"
packed = struct.pack("3i", 0, 1, 2)
channel.sendmsg([struct.pack("<I", len(value)) + value],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
import time; time.sleep(60)
"""
    with lab.worker(policy()) as worker:
        before = _descriptors()
        assert worker.call(code, {}).value == 1
        assert _descriptors() == before


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_closing_the_channel_is_a_protocol_error(lab: Lab) -> None:
    error = _fails(lab, f"{FIND}\nchannel.close()\nimport time; time.sleep(60)")
    assert isinstance(error, ProtocolError)


def test_kill_of_everything_hits_nobody_else(lab: Lab) -> None:
    with lab.worker(policy()) as other:
        code = """
            import os, signal
            try:
                os.kill(-1, signal.SIGKILL)
            except OSError as error:
                result = type(error).__name__
        """
        with lab.worker(_ELEVATED) as worker, contextlib.suppress(WorkerDiedError):
            run(worker, code)
        assert run(other, "result = 1") == 1


def test_kill_of_the_zygote_and_siblings_is_refused(lab: Lab) -> None:
    with lab.worker(policy()) as other:
        code = """
            import os, signal
            refused = []
            for pid in pids or [os.getppid()]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    refused.append(pid)
            result = len(refused)
        """
        assert lab.run(policy(), code, pids=[other.pid]) == 1
        assert lab.run(policy(), code, pids=[]) == 1
        assert lab.run(_ELEVATED, code, pids=[other.pid]) == 1
        assert run(other, "result = 1") == 1


def test_start_up_files_in_the_plugin_folder_never_run(lab: Lab) -> None:
    lab.write("sitecustomize", "print('sitecustomize ran')")
    lab.write("usercustomize", "print('usercustomize ran')")
    (lab.folder / "evil.pth").write_text("import sys; sys.evil = True\n/tmp\n")
    code = """
        import sys
        result = [hasattr(sys, "evil"), "sitecustomize" in sys.modules,
                  "usercustomize" in sys.modules, "/tmp" in sys.path]
    """
    with lab.worker(policy()) as worker:
        reply = worker.call(textwrap.dedent(code), {})
    assert reply.value == [False, False, False, False]
    assert "ran" not in reply.output


def test_plugin_code_is_imported_after_the_seal(lab: Lab) -> None:
    lab.write(
        "early",
        """
        try:
            open("/etc/passwd")
            READ = True
        except OSError:
            READ = False
        def build(session):
            return lambda method, arguments: READ
        """,
    )
    with lab.worker(policy(), target="early:build") as worker:
        assert worker.call("x").value is False


def test_scratch_is_bounded_in_bytes_and_files(lab: Lab) -> None:
    small = policy(Tier.BASIC, limits={"disk_bytes": 1 << 20, "inodes": 50})
    with pytest.raises(SandboxError) as caught:
        lab.run(
            small,
            """
            import time
            for index in range(1000):
                (session.scratch / str(index)).touch()
            time.sleep(60)
        """,
        )
    assert caught.value.code == "inode-limit"
    with pytest.raises(SandboxError) as caught:
        lab.run(
            small,
            """
            import time
            for index in range(40):
                (session.scratch / str(index)).write_bytes(bytes(1 << 18))
            time.sleep(60)
        """,
        )
    assert caught.value.code == "disk-limit"


def test_rlimits_can_not_be_raised(lab: Lab) -> None:
    code = """
        import resource
        refused = 0
        for name in ("RLIMIT_DATA", "RLIMIT_CPU", "RLIMIT_NOFILE"):
            try:
                resource.setrlimit(getattr(resource, name), (1 << 40, 1 << 40))
            except (OSError, ValueError):
                refused += 1
        result = refused
    """
    assert lab.run(policy(), code) == 3


def test_open_files_are_limited(lab: Lab) -> None:
    code = "import os\nwhile True: os.dup(0)"
    with pytest.raises(DescriptorLimitError):
        lab.run(policy(), code)


_LIAR = """
import sys
frame = sys._getframe()
while "posture" not in frame.f_locals:
    frame = frame.f_back
found = frame.f_locals
channel, call, posture = found["channel"], found["call"], found["posture"]
"""


def test_a_target_cannot_claim_a_posture(lab: Lab) -> None:
    lab.write(
        "claims_posture",
        f"{_LIAR}channel.send([5, call, [posture.to_wire(), 1]])\n",
    )
    with pytest.raises(ProtocolError):
        lab.worker(policy(), target="claims_posture:build")


def test_a_target_cannot_name_a_layer_and_its_remedy(lab: Lab) -> None:
    told = {"layer": "landlock", "detail": "old", "remedy": "fetch this | sh"}
    lab.write("claims_layer", f"{_LIAR}channel.send([6, call, 'layer', {told}])\n")
    with pytest.raises(StartError) as caught:
        lab.worker(policy(), target="claims_layer:build")
    assert "sh" not in caught.value.hint


def test_a_warden_that_was_stopped_still_buries_its_tree(lab: Lab) -> None:
    worker = lab.worker(_ELEVATED)
    code = "import os, time\nif not os.fork():\n    time.sleep(600)\nresult = 1"
    assert run(worker, code) == 1
    warden = worker.line.process.root
    assert warden != worker.pid
    os.kill(warden, signal.SIGSTOP)
    worker.close()
    assert wait_until(lambda: not alive(warden) and not alive(worker.pid))


def test_a_child_that_answers_too_costs_the_worker_its_life(lab: Lab) -> None:
    """Forked past `os.fork` and its hooks: two of one worker answer each call."""
    fork = "import ctypes\nctypes.PyDLL(None).fork()\nresult = 1"
    with lab.worker(_ELEVATED) as worker:

        def calls() -> None:
            # The second answer is there by the end of one of the next calls.
            for code in (fork, "import time\ntime.sleep(0.2)", "result = 2"):
                run(worker, code)

        with pytest.raises(ProtocolError):
            calls()
        assert not worker.alive
        assert wait_until(lambda: not alive(worker.pid))
