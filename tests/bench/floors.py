"""The least that a worker in Python can cost, to judge our rows by.

A process without any seal, limit or check, forked ahead by one that has imported
what it needs and has filled the holes in its memory. It has practised an import,
imports the same target, which is compiled, and answers calls by msgpack over the same
kind of socket. What it costs is Python, the kernel's socket and waking a process that
rests; no sandbox for Python targets costs less.
"""

from __future__ import annotations

import py_compile
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from lockgate_sandbox._zygote import packing

__all__ = ["Bare", "bare_workers", "cold"]

_PROGRAM = """
import _socket, gc, os, struct, sys

sys.path += sys.argv[2:4]
practise = sys.argv[4] == "1"
from importlib import import_module

for name in ("colorsys", "msgspec.msgpack", *sys.argv[6:]):
    import_module(name)
from msgspec import msgpack

encode, decode = msgpack.Encoder().encode, msgpack.Decoder().decode
control = _socket.socket(fileno=int(sys.argv[1]))
packing = {}
exec(compile(open(sys.argv[5]).read(), sys.argv[5], "exec"), packing)
packing["fill_holes"]()
gc.freeze()


def work(sock):
    if practise:
        del sys.modules["colorsys"]
        import_module("colorsys")
    call, folder, *first = decode(sock.recv(65536))
    sys.path.append(folder)
    handler = import_module("echo").build(None)
    sock.send(encode([7, call, handler(*first) if first else os.getpid()]))
    while data := sock.recv(65536):
        _, call, method, arguments = decode(data)
        sock.send(encode([7, call, handler(method, arguments)]))


while True:
    data, ancillary, _, _ = control.recvmsg(16, _socket.CMSG_SPACE(4))
    if not data:
        break
    fd = struct.unpack("i", ancillary[0][2])[0]
    if not os.fork():
        try:
            control.close()
            work(_socket.socket(fileno=fd))
        finally:
            os._exit(0)
    os.close(fd)
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass
"""


class Bare:
    """One such process, waiting for its job."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.pid = 0

    def ask(self, message: list[Any]) -> Any:
        """Send one frame, and give the value of the answer."""
        self._sock.send(msgspec.msgpack.encode(message))
        return msgspec.msgpack.decode(self._sock.recv(65_536))[2]

    def build(self, folder: str) -> None:
        """Have it import and build the target in `folder`."""
        self.pid = self.ask([1, folder])

    def build_and_call(self, folder: str) -> None:
        """Both, by one frame and one answer."""
        self.ask([1, folder, "echo", {}])

    def call(self) -> None:
        """One call of the target."""
        self.ask([2, 1, "echo", {}])

    def close(self) -> None:
        """End it."""
        self._sock.close()


@contextmanager
def bare_workers(
    *preload: str, site: str = "", practise: bool = True
) -> Generator[Callable[[], Bare]]:
    """Start the forking process; gives what forks a worker ahead.

    `preload` are modules to import before, `site` the folder they are in.
    """
    codec = str(Path(msgspec.__file__).parent.parent)
    control, end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    argv = [sys.executable, "-I", "-S", "-B", "-c", _PROGRAM, str(end.fileno())]
    process = subprocess.Popen(
        [*argv, codec, site or codec, str(int(practise)), packing.__file__, *preload],
        pass_fds=[end.fileno()],
    )
    end.close()

    def fork() -> Bare:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        socket.send_fds(control, [b"W"], [theirs.fileno()])
        theirs.close()
        return Bare(mine)

    try:
        yield fork
    finally:
        control.close()
        process.wait()


def cold(fork: Callable[[], Bare], folder: str) -> Callable[[], float]:
    """A side: from the job to the first answer, of a process that was forked ahead."""
    for module in Path(folder).glob("*.py"):
        py_compile.compile(str(module))
    waiting = [fork()]

    def side() -> float:
        started = time.perf_counter()
        worker = waiting.pop()
        worker.build_and_call(folder)
        seconds = time.perf_counter() - started
        worker.close()
        waiting.append(fork())
        return seconds

    return side
