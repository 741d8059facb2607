"""The look for what a session leaves behind sees each kind of it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

import lockgate_sandbox
from lockgate_sandbox.linux import credentials
from lockgate_sandbox.linux._libc import syscall
from tests.support.residue import Residue

_DEAD = (1 << 22) + 5
"""A process id above the highest that there can be."""


@contextmanager
def _folder() -> Generator[None]:
    made = tempfile.mkdtemp(prefix="lockgate-")
    yield
    shutil.rmtree(made)


@contextmanager
def _folder_of_a_cell() -> Generator[None]:
    made = Path(tempfile.gettempdir(), f"lockgate-cell-{_DEAD}-x")
    made.mkdir()
    yield
    made.rmdir()


@contextmanager
def _zygote() -> Generator[None]:
    with _zygote_of(Path(lockgate_sandbox.__file__).parent):
        yield


@contextmanager
def _zygote_of_a_copy() -> Generator[None]:
    copy = tempfile.mkdtemp(prefix="a-copy-")
    with _zygote_of(Path(copy)):
        yield
    Path(copy).rmdir()


@contextmanager
def _zygote_of(package: Path) -> Generator[None]:
    script = package / "_zygote/zygote.py"
    code = "import time; time.sleep(60)"
    # A folder of this session tells whose it is, as a real one's does.
    folder = tempfile.mkdtemp(prefix="of-a-zygote-")
    command = [sys.executable, "-I", "-S", "-c", code, str(script), folder]
    made = subprocess.Popen(command)
    yield
    made.kill()
    made.wait()
    Path(folder).rmdir()


@contextmanager
def _orphan() -> Generator[None]:
    if not credentials.has_capability(credentials.CAP_SETUID):
        pytest.skip("only root can be another user")
    code = """
import os, time
if os.fork():
    os._exit(0)
os.setsid()
os.setresuid(0x70000001, 0x70000001, 0x70000001)
print(os.getpid(), flush=True)
os.close(1)
time.sleep(60)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE, check=True
    )
    yield
    os.kill(int(done.stdout), signal.SIGKILL)


@contextmanager
def _socket() -> Generator[None]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"\0lockgate-{_DEAD}")
        yield


@contextmanager
def _segment() -> Generator[None]:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # the maker has to be dead
        made = syscall("shmget", 0, 4096, 0o1600)
        os.write(writer, str(made).encode())
        os._exit(0)
    os.waitpid(child, 0)
    made = int(os.read(reader, 20))
    os.close(reader)
    os.close(writer)
    yield
    syscall("shmctl", made, 0, 0)


@contextmanager
def _shared() -> Generator[None]:
    made = Path("/dev/shm", f"lockgate-{os.getpid()}")
    made.touch()
    yield
    made.unlink()


KINDS = [
    _folder,
    _folder_of_a_cell,
    _zygote,
    _zygote_of_a_copy,
    _orphan,
    _socket,
    _segment,
    _shared,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__[1:])
def test_what_is_left_is_seen_and_what_is_gone_is_not(
    kind: Callable[[], Generator[None]],
) -> None:
    with ExitStack() as stack:
        residue = Residue()
        stack.enter_context(residue.record())
        made = ExitStack()
        made.enter_context(kind())  # type: ignore[arg-type] # pyright: ignore
        try:
            assert residue.left(0.1)
        finally:
            made.close()
        assert residue.left() == []
