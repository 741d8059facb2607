"""What large buffers cost: a call with one in it, an answer that is one, a stream.

The peers are the floors: copying the memory once, and a pipe.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lockgate_sandbox import Policy, Sandbox, Worker
from tests.bench.harness import Row, paired
from tests.support.sandbox import open_folder

__all__ = ["ROWS"]

_MIB = 1 << 20
_BYTES = 64 * _MIB
_CHUNK = _MIB
_STREAM = 1 << 30

_TARGET = """
def build(session):
    kept = {}

    def blobs(count, size):
        data = memoryview(bytes(size))
        for _ in range(count):
            yield data

    def handler(method, arguments):
        if method == "take":
            return len(arguments["data"])
        if method == "stream":
            return blobs(arguments["count"], arguments["size"])
        size = arguments["size"]
        if size not in kept:
            kept[size] = memoryview(bytearray(b"x") * size)
        return kept[size]

    return handler
"""


@contextmanager
def _roomy_worker() -> Generator[Worker]:
    policy = Policy.for_tier("read-only")
    room = replace(policy.limits, message_bytes=2 * _BYTES, memory_bytes=16 * _BYTES)
    room = replace(room, cpu_seconds=300)
    with open_folder() as folder, Sandbox.open() as sandbox:
        (folder / "large.py").write_text(_TARGET)
        roomy = replace(policy, limits=room)
        yield sandbox.worker(roomy, target="large:build", path=[str(folder)])


def _memcpy() -> Callable[[], float]:
    source, room = memoryview(bytearray(b"x") * _BYTES), memoryview(bytearray(_BYTES))

    def side() -> float:
        started = time.perf_counter()
        room[:] = source
        return time.perf_counter() - started

    return side


def _to_worker(name: str) -> Row:
    with _roomy_worker() as worker:
        arguments: dict[str, Any] = {"data": memoryview(bytearray(b"x") * _BYTES)}

        def side() -> float:
            started = time.perf_counter()
            worker.call("take", arguments)
            return time.perf_counter() - started

        return _against_memcpy(name, side, 2.0)


def _to_host(name: str) -> Row:
    with _roomy_worker() as worker:

        def side() -> float:
            started = time.perf_counter()
            worker.call("give", {"size": _BYTES})
            return time.perf_counter() - started

        return _against_memcpy(name, side, 3.0)


def _against_memcpy(name: str, side: Callable[[], float], target: float) -> Row:
    peer_name = "copying it once"
    return paired(
        name, side, _memcpy(), peer_name=peer_name, target=target, unit="ms", rounds=15
    )


def _pipe() -> float:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reader)
            data = bytes(_CHUNK)
            for _ in range(_STREAM // _CHUNK):
                view = memoryview(data)
                while view:
                    view = view[os.write(writer, view) :]
        finally:
            os._exit(0)
    os.close(writer)
    started, got = time.perf_counter(), 0
    while data := os.read(reader, _CHUNK):
        got += len(data)
    seconds = time.perf_counter() - started
    os.close(reader)
    os.waitpid(child, 0)
    if got != _STREAM:
        msg = f"the pipe brought {got} bytes"
        raise RuntimeError(msg)
    return seconds


def _stream(name: str) -> Row:
    with _roomy_worker() as worker:

        def side() -> float:
            arguments: dict[str, Any] = {"count": _STREAM // _CHUNK, "size": _CHUNK}
            started, got = time.perf_counter(), 0
            items: Any = worker.stream("stream", arguments)
            for item in items:
                got += len(item)
            if got != _STREAM:
                msg = f"the stream brought {got} bytes"
                raise RuntimeError(msg)
            return time.perf_counter() - started

        peer_name = "a pipe, in chunks of 1 MiB"
        return paired(
            name, side, _pipe, peer_name=peer_name, target=1.25, unit="ms", rounds=5
        )


ROWS: dict[str, Callable[[str], Row]] = {
    "sandbox-64MiB-to-worker": _to_worker,
    "sandbox-64MiB-to-host": _to_host,
    "sandbox-stream-1GiB": _stream,
}
