"""What a worker could learn or take through what its host lends it.

The channel is a socket of the host's network namespace, names in ``/proc`` are
the worker's choice, and the host's thread waits for what the worker sends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from lockgate_sandbox import Policy, ProtocolError, RemoteError, Tier
from tests.sandbox.attacks.misbehaviour import FIND
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary
from tests.support.sandbox import Lab, policy, run

pytestmark = pytest.mark.kernel

_INTERFACES = """
import array, fcntl
room = array.array("B", bytes(4096))
asked = struct.pack("iP", 4096, room.buffer_info()[0])
told = struct.unpack("iP", fcntl.ioctl(channel, 0x8912, asked))[0]  # SIOCGIFCONF
result = room.tobytes()[:told].find(b"lo\\0") >= 0
"""

_PEER = """
SO_PEERPIDFD = 77
handle = channel.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
with open(f"/proc/self/fdinfo/{handle}") as file:
    result = f"Pid:\\t{host}\\n" in file.read()
"""

_BUFFERS = """
kept, total = [], 0
for _ in range(20):
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept += pair
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted)
        end.setblocking(False)
        try:
            while total < 128 << 20:
                total += end.send(bytes(65536))
        except BlockingIOError:
            pass
result = total
"""


def test_the_channel_does_not_tell_of_the_hosts_network(lab: Lab) -> None:
    with pytest.raises(RemoteError, match="Inappropriate ioctl"):
        lab.run(policy(), FIND + _INTERFACES)


def test_the_channel_tells_of_the_hosts_network_without_seccomp(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("seccomp", "process-limit")
    assert lab.run(policy(), FIND + _INTERFACES) is True


def test_the_channel_gives_no_handle_of_the_host(lab: Lab) -> None:
    with pytest.raises(RemoteError, match="Protocol not available"):
        lab.run(policy(), FIND + _PEER, host=0)


def test_the_channel_gives_a_handle_of_the_host_without_seccomp(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("seccomp", "landlock", "process-limit", "pid-namespace")
    try:
        found = lab.run(policy(), FIND + _PEER, host=os.getpid())
    except RemoteError as error:
        if "Protocol not available" not in error.message:
            raise
        pytest.skip("SO_PEERPIDFD came with Linux 6.5")
    assert found is True


def test_no_memory_is_kept_in_the_buffers_of_sockets(lab: Lab) -> None:
    with pytest.raises(RemoteError, match="not permitted"):
        lab.run(policy(), FIND + _BUFFERS, wanted=1 << 30)


def test_memory_is_kept_in_the_buffers_of_sockets_without_seccomp(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("seccomp", "process-limit")
    small = policy(limits={"memory_bytes": 32 << 20})
    kept = lab.run(small, FIND + _BUFFERS, wanted=1 << 30)
    assert isinstance(kept, int)
    usual = lab.run(small, FIND + _BUFFERS.replace("end.sets", "0 and end.sets"))
    assert isinstance(usual, int)
    assert kept > usual
    # What the buffers hold without a wish of the worker's stays within reason.
    assert usual < 32 << 20


@pytest.mark.parametrize("name", ["VmHWM: x", "VmHWM:\t9999999", ") R 1 1", "a\\nb"])
def test_a_name_in_proc_does_not_mislead_the_host(lab: Lab, name: str) -> None:
    code = f"""
        import ctypes, time
        ctypes.CDLL(None).prctl(15, {name!r}.encode(), 0, 0, 0)  # PR_SET_NAME
        time.sleep(0.1)
        result = 1
    """
    with lab.worker(policy()) as worker:
        assert run(worker, code) == 1
        reply = worker.call("import time; time.sleep(0.1); result = 2", {})
    assert reply.value == 2
    assert 1 << 20 < reply.usage.peak_memory_bytes < 1 << 30


_STALLING = (
    FIND
    + """
import threading, time
channel.send(struct.pack("<I", 100_000) + bytes(65_532))  # and never the rest
done = threading.Event()
for _ in range(40):
    threading.Thread(target=done.wait, daemon=True).start()
time.sleep(20)
"""
)


def test_a_note_that_never_ends_does_not_keep_the_host_from_looking(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without("process-limit")  # then only the host counts
    lab.write("stalling", _STALLING)
    given = policy(Tier.BASIC, limits={"processes": 16, "wall_seconds": 15})
    script = lab.folder / "stalling.py"
    done = lab.sandbox.run_file(given, script, [])
    assert done.error is not None
    assert done.error.code == "process-limit"


_SCAN = """
import ctypes, re
found = set()
with open("/proc/self/maps") as file:
    regions = [line.split() for line in file]
for region in regions:
    if region[1].startswith("rw") and "[v" not in region[-1]:
        start, end = (int(part, 16) for part in region[0].split("-"))
        data = ctypes.string_at(start, end - start)
        found.update(re.findall(rb"lockgate-other-[0-9a-f]{32}", data))
result = [item.decode() for item in found]
"""


def test_nothing_of_another_workers_settings_is_in_its_memory(
    lab_without: Callable[..., Lab],
) -> None:
    lab = lab_without(
        "landlock", "uid", "capabilities", "no-new-privs", "user-namespace"
    )
    token = f"lockgate-other-{os.urandom(16).hex()}"
    grant = f"/lockgate-other-{os.urandom(16).hex()}"
    other = Policy.for_tier(Tier.READ_ONLY, env={"TOKEN": token}, read=[grant])
    # Often enough for a zygote to keep what it may keep, and a child to wait.
    for _ in range(3):
        assert set(_found(lab, other)) == {token, grant[1:]}
    for _ in range(3):
        assert _found(lab, policy()) == []


def _found(lab: Lab, given: Policy) -> list[str]:
    found = lab.run(given, _SCAN)
    assert isinstance(found, list)
    return [str(item) for item in found]


_RING = (
    FIND
    + """
import sys
frame = sys._getframe()
while "call" not in frame.f_locals:
    frame = frame.f_back
call = frame.f_locals["call"]
ring = session._channel._buffers
def lie(form):
    number, start = ring.place(memoryview(bytes(100_000)))
    place = struct.pack("<IQQ", number, start, 100_000) + form
    value = b"\\x93\\x07\\xc4" + bytes([len(call)]) + call
    value += b"\\xc9" + struct.pack(">I", len(place)) + b"\\x01" + place
    data = struct.pack("<I", len(value)) + value
    for at in range(0, len(data), 65536):
        channel.send(data[at:at + 65536])
"""
)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ("lie(b'd:3,4')", "no array of form"),
        ("lie(b'd:' + b',' * 3_000_000)", "a form that is none"),
        ("for _ in range(9): session.ask_for_room(1 << 20)", "fits in the ring"),
    ],
)
def test_a_lie_about_shared_memory_is_a_protocol_error(
    lab: Lab, lie: str, reason: str
) -> None:
    with (
        lab.worker(policy()) as worker,
        pytest.raises(ProtocolError, match=reason),
    ):
        run(worker, f"{_RING}\n{lie}\nimport time; time.sleep(30)")
    assert lab.run(policy(), "result = 1") == 1


_SIGNALLING = """
import fcntl, os, struct, time
for act in (
    lambda: fcntl.fcntl(0, 10, 23),  # F_SETSIG: SIGURG; SIGKILL would do as well
    lambda: fcntl.fcntl(0, fcntl.F_SETFL, os.O_ASYNC | fcntl.fcntl(0, fcntl.F_GETFL)),
    lambda: fcntl.ioctl(0, 0x5452, struct.pack("i", 1)),  # FIOASYNC
    lambda: fcntl.ioctl(0, 0x5414, struct.pack("4H", 7, 7, 0, 0)),  # TIOCSWINSZ
):
    try:
        act()
    except OSError:
        pass
print("ready", flush=True)
input()
"""

_TERMINAL_HOST = """
import fcntl, json, os, pathlib, pty, signal, sys, tempfile, termios, threading
keyboard, screen = pty.openpty()
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
os.setsid()
fcntl.ioctl(screen, termios.TIOCSCTTY, 0)
caught = []
for number in (signal.SIGURG, signal.SIGIO, signal.SIGWINCH):
    signal.signal(number, lambda number, _: caught.append(number))

from lockgate_sandbox import Policy, Sandbox

off, script = json.loads(sys.argv[1])
folder = tempfile.mkdtemp()
os.chmod(folder, 0o755)
path = pathlib.Path(folder, "script.py")
path.write_text(script)
path.chmod(0o644)
reader, writer = os.pipe()

def press():
    os.read(reader, 100)
    os.write(keyboard, b"x\\n")

threading.Thread(target=press).start()
with Sandbox.open(layers=dict.fromkeys(off, "off")) as sandbox:
    given = Policy.for_tier("basic")
    done = sandbox.run_file(given, path, stdio=(screen, writer, writer))
print(json.dumps([done.status, sorted(set(caught))]))
"""
"""A host with a terminal of its own, on which a key is pressed."""


@pytest.mark.parametrize("who", ["root", "ordinary"])
def test_a_terminal_that_is_lent_signals_nobody(base: Base, who: str) -> None:
    def caught(*off: str) -> object:
        argument = json.dumps([off, _SIGNALLING])
        if who == "ordinary":
            files = {"host.py": _TERMINAL_HOST}
            done = run_as_ordinary(base, ["host.py", argument], files)
        else:
            argv = [sys.executable, "-c", _TERMINAL_HOST, argument]
            done = subprocess.run(
                argv, capture_output=True, text=True, check=False, timeout=60
            )
        assert done.returncode == 0, done.stderr[-2_000:]
        return json.loads(done.stdout)

    assert caught() == [0, []]
    # Before Linux 6.12 Landlock has no say in it.
    assert caught("landlock", "uid") == [0, []]
    assert caught("landlock", "uid", "seccomp", "process-limit") == [0, [23, 28]]
