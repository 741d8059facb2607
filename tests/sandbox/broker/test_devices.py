"""Devices as passed descriptors. A pseudo-terminal stands in: it is a real tty."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import Device
from lockgate_sandbox.broker._devices import why_not
from tests.sandbox.broker.conftest import MakeBench
from tests.support.layers import Base
from tests.support.ordinary import run_as_ordinary

pytestmark = pytest.mark.kernel


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """The other end of a serial line, and the device's path."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    yield master, path
    os.close(slave)
    os.close(master)


OPEN = """
import os
try:
    sys_fd = session.open_device(name)
    result = "open"
    os.close(sys_fd)
except OSError as error:
    result = [error.code, str(error)]
"""


def test_a_granted_port_talks_both_ways(
    bench: MakeBench, port: tuple[int, str]
) -> None:
    master, path = port
    at = bench(devices=[Device("radio", path)])
    code = """
        import os, select, termios, tty
        fd = session.open_device("radio")
        tty.setraw(fd)
        settings = termios.tcgetattr(fd)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(fd, termios.TCSANOW, settings)
        os.write(fd, b"AT")
        select.select([fd], [], [], 5)
        result = [os.read(fd, 10), termios.tcgetattr(fd)[4] == termios.B115200,
                  os.isatty(fd), os.get_inheritable(fd)]
        os.close(fd)
    """
    answered: list[bytes] = []

    def answer() -> None:
        answered.append(os.read(master, 10))
        os.write(master, b"OK")

    thread = threading.Thread(target=answer)
    thread.start()
    assert at.run(code) == [b"OK", True, True, False]
    thread.join()
    assert answered == [b"AT"]
    assert [record.resource for record in at.records] == ["radio"]


def test_pyserials_calls_work_on_the_descriptor(
    bench: MakeBench, port: tuple[int, str]
) -> None:
    master, path = port
    at = bench(devices=[Device(path)])
    code = """
        import fcntl, os, struct, termios
        fd = session.open_device(path)
        waiting = struct.unpack("I", fcntl.ioctl(fd, termios.TIOCINQ, b"0000"))[0]
        termios.tcflush(fd, termios.TCIFLUSH)
        try:
            fcntl.ioctl(fd, termios.TIOCSTI, b"x")
            pushed = True
        except OSError:
            pushed = False
        result = [waiting, pushed]
    """
    assert at.run(code, path=path) == [0, False]
    del master


def test_a_port_is_for_one_at_a_time(bench: MakeBench, port: tuple[int, str]) -> None:
    _, path = port
    at = bench(devices=[Device("radio", path)])
    other = os.open(path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as pyserial holds it
    code, text = at.run(OPEN, name="radio")
    assert code == "device-busy"
    assert "in use by another program" in text
    os.close(other)
    assert at.run(OPEN, name="radio") == "open"
    at.run("import sys; sys.kept = session.open_device('radio')")
    assert at.run(OPEN, name="radio")[0] == "device-busy"
    held = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    with pytest.raises(BlockingIOError):
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(held)
    at.worker.close()
    held = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # free with the worker's end
    os.close(held)


def test_a_device_for_reading_can_not_be_written(
    bench: MakeBench, port: tuple[int, str]
) -> None:
    at = bench(devices=[Device("radio", port[1], write=False)])
    code = """
        import os
        fd = session.open_device("radio")
        try:
            os.write(fd, b"x")
        except OSError as error:
            result = error.errno
    """
    assert at.run(code) == 9


def test_what_is_not_granted_names_the_grant(bench: MakeBench) -> None:
    at = bench(devices=[Device("radio", "/dev/ttyUSB9")])
    code, text = at.run(OPEN, name="/dev/ttyUSB0")
    assert code == "permission-denied"
    assert "devices=(Device('/dev/ttyUSB0'),) in the policy" in text
    assert at.denials()[0].right == "device"


@pytest.mark.parametrize(
    "path", ["/dev/null", "/dev/zero", "/dev/full", "/dev/mem", "/dev/ptmx", "/dev/tty"]
)
def test_what_is_no_port_is_never_opened(bench: MakeBench, path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"no {path} here")
    at = bench(devices=[Device("x", path)])
    code, text = at.run(OPEN, name="x")
    assert code == "permission-denied"
    assert "no serial port" in text


def test_a_file_in_a_devices_place_is_not_opened(
    bench: MakeBench, tmp_path: Path
) -> None:
    shm = Path("/dev/shm") / f"lockgate-{os.getpid()}"
    with contextlib.suppress(OSError):
        shm.touch()
    try:
        at = bench(devices=[Device("x", str(shm))])
        assert "no character device" in at.run(OPEN, name="x")[1]
    finally:
        shm.unlink(missing_ok=True)


def test_the_hosts_own_terminal_is_never_handed_out(
    bench: MakeBench, port: tuple[int, str]
) -> None:
    """In a child that has the port for its controlling terminal."""
    _, path = port
    pid = os.fork()
    if pid == 0:
        status = 1
        with contextlib.suppress(BaseException):
            os.setsid()
            fd = os.open(path, os.O_RDWR)
            fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
            status = 0 if "terminal" in why_not(os.fstat(fd)) else 2
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_revoked_device_opens_no_more(
    bench: MakeBench, port: tuple[int, str]
) -> None:
    at = bench(devices=[Device("radio", port[1])])
    assert at.run(OPEN, name="radio") == "open"
    assert at.broker.revoke(at.broker.policy.devices[0])
    assert at.run(OPEN, name="radio")[0] == "permission-denied"


_HOST = """
import os, pathlib, pty, sys, tempfile
from lockgate_sandbox import Device, Policy, Sandbox
from lockgate_sandbox.broker import Broker, _devices

how = sys.argv[1]
if how == "always exclusive":
    _devices._PSEUDO_TERMINALS = ()
    _devices.why_not = lambda _: ""
layers = {"seccomp": "off", "process-limit": "off"} if how == "unfiltered" else {}
folder = tempfile.mkdtemp()
pathlib.Path(folder, "target.py").write_text('''
import fcntl, os, termios

def build(session):
    def handler(method, given):
        try:
            fd = session.open_device("radio")
        except OSError as error:
            return error.code
        try:
            fcntl.ioctl(fd, termios.TIOCEXCL)
        except PermissionError:
            pass
        os.close(fd)
        return "open"
    return handler
''')

def told(shared):
    keyboard, screen = pty.openpty()
    path = os.ttyname(screen)
    os.close(screen)
    given = Policy.for_tier("elevated", devices=[Device("radio", path, shared=shared)])
    with Sandbox.open(layers=layers) as sandbox, Broker(given) as broker:
        for _ in range(2):
            with sandbox.worker(
                given, target="target:build", path=[folder], broker=broker
            ) as worker:
                yield worker.call("open").value
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
        yield "the owner's"
    except OSError as error:
        yield error.strerror
    os.close(keyboard)

print([*told(False)] == [*told(True)], *told(True), sep=", ")
"""


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("as it is", "True, open, open, the owner's"),
        ("always exclusive", "False, open, open, the owner's"),
        ("unfiltered", "True, open, device-busy, Device or resource busy"),
    ],
)
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become an ordinary user")
def test_a_terminal_can_be_had_again(base: Base, how: str, said: str) -> None:
    """Also where its other end stays open, and nobody is root."""
    done = run_as_ordinary(base, ["host.py", how], {"host.py": _HOST})
    assert done.stdout.strip() == said, done.stderr[-2_000:]
