"""What a script is given for its host's input and output, and can't do with it."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockgate_sandbox import FileSizeLimitError, PolicyError, RunResult
from lockgate_sandbox._start.attended import Attended
from tests.support.sandbox import Lab, policy

pytestmark = pytest.mark.kernel

_FORGE = """
import fcntl, os
for fd in (1, 2):
    fcntl.fcntl(fd, fcntl.F_SETFL, 0)  # no O_APPEND any more
    for act in (
        lambda: os.pwrite(fd, b"forged", 0),
        lambda: os.ftruncate(fd, 6),
        lambda: os.lseek(fd, 0, os.SEEK_SET),
    ):
        try:
            act()
        except OSError:
            pass
print("its own words")
"""

_BEFORE = "what others wrote\n"


def _as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attended, "hand", lambda _self, stdio: list(stdio))  # pyright: ignore


@contextmanager
def _opened(path: Path, flags: int) -> Generator[int]:
    fd = os.open(path, flags | os.O_CREAT)
    yield fd
    os.close(fd)


def _run(lab: Lab, code: str, *stdio: int) -> RunResult:
    script = Path(lab.folder, "handed.py")
    script.write_text(code)
    first, second, third = stdio
    return lab.sandbox.run_file(policy(), script, stdio=(first, second, third))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A file that others write to as well."""
    path = tmp_path / "log"
    path.write_text(_BEFORE)
    return path


def _written(lab: Lab, log: Path) -> str:
    with _opened(log, os.O_WRONLY | os.O_APPEND) as fd:
        assert _run(lab, _FORGE, 0, fd, fd).error is None
    return log.read_text()


def test_what_stood_in_a_file_stays(
    lab: Lab, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _written(lab, log) == _BEFORE + "its own words\n"
    _as_it_is(monkeypatch)
    assert _written(lab, log) == "its own words\n"


def test_both_outputs_in_one_file_keep_their_order(lab: Lab, log: Path) -> None:
    code = "import os\nfor i in range(300): os.write(1 + i % 2, b'%d ' % i)"
    with _opened(log, os.O_WRONLY | os.O_TRUNC) as fd:
        other = os.dup(fd)
        result = _run(lab, code, 0, fd, other)
        os.close(other)
    assert result.usage.output_bytes == log.stat().st_size
    assert log.read_text().split() == [str(i) for i in range(300)]


_READ = """
import os
print(os.read(0, 4))
try:
    os.pwrite(0, b"forged", 0)
except OSError as error:
    print(error.strerror)
"""


def test_input_is_for_reading_only(
    lab: Lab, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    with _opened(log, os.O_RDWR) as fd, _opened(told, os.O_WRONLY) as out:
        os.lseek(fd, 5, os.SEEK_SET)
        _run(lab, _READ, fd, out, out)
        assert told.read_text() == "b'othe'\nBad file descriptor\n"
        assert log.read_text() == _BEFORE
        _as_it_is(monkeypatch)
        _run(lab, _READ, fd, out, out)
    assert log.read_text().startswith("forged")


_REWIND = """
import os
os.read(0, 3)
os.lseek(0, {place}, os.SEEK_SET)
"""


@pytest.mark.parametrize(
    ("place", "after"), [(0, 5), (9, 9), (1 << 40, len(_BEFORE))], ids=str
)
def test_a_host_reads_on_and_never_again(
    lab: Lab, log: Path, monkeypatch: pytest.MonkeyPatch, place: int, after: int
) -> None:
    """Its next command may stand there: ``sh < commands``."""
    with _opened(log, os.O_RDONLY) as fd:
        os.lseek(fd, 5, os.SEEK_SET)
        assert _run(lab, _REWIND.format(place=place), fd, 1, 2).status == 0
        assert os.lseek(fd, 0, os.SEEK_CUR) == after
        _as_it_is(monkeypatch)
        _run(lab, _REWIND.format(place=place), fd, 1, 2)
        assert os.lseek(fd, 0, os.SEEK_CUR) == place


def test_a_file_gets_no_more_than_a_file_may_have(lab: Lab, log: Path) -> None:
    code = "import os\nwhile True: os.write(1, bytes(65536))"
    limit = policy().limits.output_bytes
    with _opened(log, os.O_WRONLY | os.O_TRUNC) as fd:
        result = _run(lab, code, 0, fd, 2)
    assert isinstance(result.error, FileSizeLimitError)
    assert result.status == 137
    assert log.stat().st_size == limit


def test_the_last_words_of_a_killed_script_are_there(lab: Lab, log: Path) -> None:
    code = "import os, time\nos.write(1, b'last words')\ntime.sleep(60)"
    script = Path(lab.folder, "handed.py")
    script.write_text(code)
    given = policy(limits={"wall_seconds": 1})
    with _opened(log, os.O_WRONLY | os.O_APPEND) as fd:
        assert lab.sandbox.run_file(given, script, stdio=(0, fd, 2)).status == 124
    assert log.read_text() == _BEFORE + "last words"


def test_a_file_that_takes_no_more_is_told(lab: Lab, log: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with _opened(log, os.O_WRONLY | os.O_APPEND) as fd:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(_BEFORE) + 3, before[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                _run(lab, "print('more')", 0, fd, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.read_text() == _BEFORE + "mor"


_SEND = """
import os, socket
mine = socket.socket(fileno=os.dup(0))
mine.sendmsg([b"escaped"], [], {flags}, {to!r})
"""


def test_no_socket_is_given_that_talks_to_anybody(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.folder.chmod(0o777)
    name = str(lab.folder / "service")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        service.bind(name)
        os.chmod(name, 0o777)  # noqa: PTH101
        port.bind(("127.0.0.1", 0))
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        def accepted(size: int) -> bytes:
            with server.accept()[0] as peer:
                return peer.recv(size)

        free: list[tuple[socket.socket, object, int, Callable[[int], bytes]]] = [
            (pair[0], name, 0, service.recv),
            (datagram, port.getsockname(), 0, port.recv),
            (socket.socket(), server.getsockname(), 0x20000000, accepted),
        ]
        for sock, to, flags, _ in free:
            with pytest.raises(PolicyError, match="without one peer"):
                _run(lab, _SEND.format(to=to, flags=flags), sock.fileno(), 1, 2)
        _as_it_is(monkeypatch)
        for sock, to, flags, receive in free:
            _run(lab, _SEND.format(to=to, flags=flags), sock.fileno(), 1, 2)
            assert receive(7) == b"escaped"
            sock.close()
        pair[1].close()


def test_a_connected_stream_is_given(lab: Lab) -> None:
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.sendall(b"hello\n")
        fd = theirs.fileno()
        assert _run(lab, "print(input())", fd, fd, 2).status == 0
        assert mine.recv(99) == b"hello\n"
