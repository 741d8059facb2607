"""A host's end that believes what comes, in the place of ours: what a lie is told for.

It asks a real worker by its real socket or pipe, and reads the answer as one would who
checks nothing: it waits for as much as is claimed, decodes what came, and takes the
last element for the answer to what it has asked.
"""

from __future__ import annotations

import os
import struct
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from msgspec import msgpack

from lockgate_sandbox import Worker
from lockgate_sandbox._wire.frame import Kind

__all__ = ["ask", "ask_by_pipe", "read", "value_of", "what_it_makes_of"]

_PACKET_BYTES = 1 << 20
_FIRST_SECONDS, _REST_SECONDS = 60.0, 0.5


def ask(worker: Worker, code: str, patience: float = _REST_SECONDS) -> Any:
    """The next answer that comes by the socket once `code` is sent.

    For what a frame lacks it waits `patience` seconds.
    """
    channel = worker.line.channel
    channel.send([Kind.CALL, _anybody(), code, {}])
    return value_of(read(worker, patience))


def read(worker: Worker, patience: float = _REST_SECONDS) -> bytes:
    """The next frame that comes by the socket, as long as it says that it is."""
    channel = worker.line.channel

    def packet() -> bytes:
        return channel.socket.recv(_PACKET_BYTES)

    first = _waited_for(packet, _FIRST_SECONDS)
    (length,) = struct.unpack("<I", first[:4])
    frame = first[4:]
    while len(frame) < length:
        frame += _waited_for(packet, patience)
    return frame


def ask_by_pipe(worker: Worker, code: str) -> Any:
    """The next answer that comes by the pipe once `code` is sent by the other."""
    pipe = worker.line.channel.pipe
    assert pipe is not None
    os.write(pipe.calls, msgpack.encode([Kind.CALL, _anybody(), code, {}]))

    def some() -> bytes:
        came = pipe.answers.read(_PACKET_BYTES)
        if came is None:
            raise BlockingIOError
        return came

    return value_of(_waited_for(some, _FIRST_SECONDS))


def what_it_makes_of(asks: Callable[[], Any]) -> Any:
    """What `asks` gives, or the error that nobody expects of it, or that it waits."""
    try:
        return asks()
    except TimeoutError:
        return "waits"
    except Exception as error:
        return f"ends with {type(error).__name__}"


def _anybody() -> bytes:
    """An id as ours, text, which nothing that reads here compares with anything."""
    return b64encode(os.urandom(6))


def value_of(frame: bytes) -> Any:
    """What it takes a frame for."""
    return msgpack.decode(frame)[-1]


def _waited_for(receive: Callable[[], bytes], seconds: float) -> bytes:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            return receive()
        except BlockingIOError:
            time.sleep(0.001)
    raise TimeoutError
