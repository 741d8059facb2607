"""A forked copy of the host has none of its broker's connections open."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from lockgate_sandbox._line import copies
from tests.sandbox.broker.asking import GET
from tests.sandbox.broker.conftest import MakeBench, always
from tests.support.servers import reply, serve

pytestmark = pytest.mark.kernel

_CONNECTS = """
import builtins, socket
builtins.kept = made = socket.create_connection((host, port), 5)
made.sendall(b"x")
result = [200, made.recv(99).decode()]
"""

# What nothing moves in for two seconds is closed, and by nothing but that.
WAYS = {
    "relayed": ("{host}:{port} seconds=2", "", _CONNECTS),
    "http": ("http://{host}:{port}/", "http://{host}:{port}/", GET),
    "https": ("https://{host}:{port}/", "https://{host}:{port}/", GET),
}


@contextmanager
def _copy() -> Generator[None]:
    """A copy of this process, alive in the block."""
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(writer)
            os.read(reader, 1)
        finally:
            os._exit(0)
    os.close(reader)
    try:
        yield
    finally:
        os.close(writer)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_connection_ends_when_its_broker_ends_it_whoever_was_forked(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch, way: str, held: bool
) -> None:
    ended = threading.Event()

    def answer(sock: socket.socket) -> None:
        while sock.recv(1 << 16):
            sock.sendall(reply())
        ended.set()

    grant, url, code = WAYS[way]
    names = ("a.test",) if way == "https" else ()
    with serve(answer, names=names) as server:
        place = {"host": "a.test", "port": server.port}
        at = bench(grant.format_map(place) + " private", resolve=always("127.0.0.1"))
        values = {"url": url.format_map(place), "follow": False, **place}
        assert at.run(code, **values)[0] == 200
        if not held:
            monkeypatch.setattr(copies, "_ENDS", set[object]())
        with _copy():
            monkeypatch.undo()
            if way != "relayed":
                at.broker.close()
            # Without it the copy keeps the connection.
            assert ended.wait(20 if held else 4 if way == "relayed" else 1) is held
        assert ended.wait(20)
