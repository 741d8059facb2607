"""The socket shim: how much, how many, how long, and what ends a connection."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from lockgate_sandbox import WorkerDiedError
from tests.sandbox.broker.conftest import MakeBench
from tests.sandbox.broker.peers import CONNECT
from tests.support.sandbox import wait_until
from tests.support.servers import serve

pytestmark = pytest.mark.kernel


def hang(sock: socket.socket) -> None:
    """Read for ever, say nothing."""
    while sock.recv(1 << 16):
        pass


def settled() -> bool:
    """Whether no thread of a broker is left."""
    names = [thread.name for thread in threading.enumerate()]
    return not any(name.startswith("lockgate-") for name in names)


@pytest.mark.parametrize("way", ["up", "down"])
def test_the_byte_quota_ends_a_connection(bench: MakeBench, way: str) -> None:
    moved = [0]

    def endless(sock: socket.socket) -> None:
        while way == "down":
            sock.sendall(b"x" * 4_096)
        while data := sock.recv(1 << 16):
            moved[0] += len(data)

    with serve(endless) as server:
        at = bench(f"127.0.0.1:{server.port} private bytes=1M")
        code = """
            import socket
            sock = socket.create_connection(("127.0.0.1", port))
            moved, data = 0, b"y" * 65536
            try:
                while True:
                    got = len(sock.recv(4096)) if way == "down" else sock.send(data)
                    moved += got
                    if not got:
                        break
            except OSError:
                pass
            result = moved
        """
        got = at.run(code, port=server.port, way=way)
        assert wait_until(lambda: at.records[-1].decision == "end")
    assert at.records[-1].bytes == 1 << 20
    assert "quota" in at.records[-1].reason
    assert (got if way == "down" else moved[0]) <= 1 << 20


def test_parallel_connections_share_the_quota(bench: MakeBench) -> None:
    def endless(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"x" * 4_096)

    with serve(endless) as server:
        at = bench(f"127.0.0.1:{server.port} private bytes=2M")
        code = """
            import socket
            from concurrent.futures import ThreadPoolExecutor
            def one(_):
                got = 0
                try:
                    with socket.create_connection(("127.0.0.1", port)) as sock:
                        while data := sock.recv(65536):
                            got += len(data)
                except OSError:
                    pass
                return got
            with ThreadPoolExecutor(8) as pool:
                result = sum(pool.map(one, range(8)))
        """
        got = at.run(code, port=server.port)
    assert 1 << 20 < got <= 2 << 20


def test_connections_at_once_are_bounded(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import socket
            held = []
            try:
                for _ in range(200):
                    held.append(socket.create_connection(("127.0.0.1", port)))
            except PermissionError as error:
                result = [len(held), str(error)]
        """
        count, text = at.run(code, port=server.port)
    assert count <= 64
    assert "used up" in text


def test_a_silent_connection_ends_at_its_idle_limit(bench: MakeBench) -> None:
    with serve(hang) as server:
        at = bench(f"127.0.0.1:{server.port} private seconds=1")
        code = """
            import socket
            with socket.create_connection(("127.0.0.1", port)) as sock:
                result = sock.recv(1)
        """
        started = time.monotonic()
        assert at.run(code, port=server.port) == b""
        assert time.monotonic() - started < 5
        # The connection ends first, its record comes after.
        assert wait_until(lambda: "nothing moved for 1 s" in at.records[-1].reason)


def test_a_connection_ends_when_its_grant_is_revoked(bench: MakeBench) -> None:
    going = threading.Event()

    def drip(sock: socket.socket) -> None:
        for count in range(10_000):
            sock.sendall(b"x")
            if count == 30:  # the worker has its half by now
                going.set()
            time.sleep(0.01)

    with serve(drip) as server:
        at = bench(f"127.0.0.1:{server.port} private")
        (grant,) = at.broker.policy.hosts

        def revoke() -> None:
            going.wait(10)
            at.broker.revoke(grant)

        thread = threading.Thread(target=revoke)
        thread.start()
        code = """
            import socket
            count = 0
            with socket.create_connection(("127.0.0.1", port)) as sock:
                try:
                    while data := sock.recv(100):
                        count += 1
                except ConnectionError:
                    pass
            result = count
        """
        assert at.run(code, port=server.port) > 0
        thread.join()
        assert at.run(CONNECT, host="127.0.0.1", port=server.port)[0] == (
            "PermissionError"
        )
        assert wait_until(
            lambda: any("taken back" in record.reason for record in at.records)
        )


def test_nothing_of_a_dead_workers_connections_is_left(bench: MakeBench) -> None:
    with serve(hang) as server:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        at = bench(f"127.0.0.1:{server.port} private")
        code = """
            import os, socket
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
            session.call_host("broker.net.open", {"host": "127.0.0.1", "port": port})
            os._exit(3)
        """
        with pytest.raises(WorkerDiedError):
            at.run(code, port=server.port)
        # Those that the worker held end by themselves, the uncollected with the broker.
        at.ended(8)
        at.close()
        assert wait_until(settled)
    assert wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before)  # noqa: PTH208
