"""Workers that lie on the wire, at any rung: what is theirs is a socket to the host.

Ours ends the liar with a typed error. A reader that checks nothing (`naive`) takes what
is forged for an answer, ends with an error that nobody who calls it expects, waits for
what never comes, or holds what it should not.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

from msgspec import msgpack

from lockgate_sandbox import (
    DepthLimitError,
    MessageLimitError,
    ProtocolError,
    SandboxError,
    WallLimitError,
)
from tests.sandbox.attacks.families import naive
from tests.sandbox.attacks.families.field import Attack, Field, stopped
from tests.support.sandbox import run

__all__ = ["ANSWERS_TWICE", "ATTACKS", "LIES", "SPEAK", "TOGETHER"]

TOGETHER = 8

_MIB = 1 << 20
_WALL = 1.0
_NODES = 1_100_000

SPEAK = """
import os, socket, struct, time
def frame(value):
    data = struct.pack("<I", len(value)) + value
    for at in range(0, len(data), 65536):
        channel.send(data[at : at + 65536])
def kind(number, call=bytes(8), value=b"\\x2a"):
    frame(bytes([0x93, number, 0xc4, len(call)]) + call + value)
"""
"""Sends frames by the socket `channel`, also such as no worker would."""

_TOOLS = SPEAK + "channel, call = session._channel.socket, session._now.call\n"

LIES = {
    "send a byte": 'channel.send(b"x")',
    "send garbage": 'channel.send(b"no frame at all")',
    "send zeros": "channel.send(bytes(65536))",
    "claim four GiB": 'channel.send(struct.pack("<I", 0xFFFFFFFF) + b"x")',
    "send less than it claims": (
        'channel.send(struct.pack("<I", 100_000) + b"x" * 10)'
    ),
    "claim a list of four thousand million": 'frame(b"\\xdd\\xff\\xff\\xff\\xff")',
    "nest lists": 'frame(b"\\x91" * 60000 + b"\\xc0")',
    "send a byte that is no msgpack": 'frame(b"\\xc1")',
    "send an extension": 'frame(b"\\xd7\\xff" + bytes(8))',
    "send text that is none": 'frame(b"\\x91\\xa1\\xff")',
    "send a map of numbers": 'frame(b"\\x81\\x01\\x02")',
    "send an empty list": 'frame(b"\\x90")',
    "send a kind and nothing else": 'frame(b"\\x91\\x07")',
    "answer another's call": "kind(7)",
    "answer before it is called": "kind(5, call)",
    "call its host": "kind(2, call)",
    "pass what only a host passes": "kind(11, call)",
    "close its end": "channel.close()",
}
"""What each says, with `SPEAK` at hand and the `call` that it is to answer."""

_THEN = "\ntime.sleep(60)"


def _lie(name: str, believed: Any, *errors: type[SandboxError]) -> Attack:
    """`believed` is what who trusts makes of it; ours raises one of `errors`."""
    text = _TOOLS + LIES[name] + _THEN

    def attack(field: Field) -> bool:
        with field.worker() as worker:
            if field.held:
                return not stopped(worker, text, *(errors or (ProtocolError,)))
            made = naive.what_it_makes_of(lambda: naive.ask(worker, text))
        assert made == believed, made
        return True

    return attack


def _crash(error: str) -> str:
    return f"ends with {error}"


ANSWERS_TWICE = "kind(7, call, b'\\x01')\nresult = 66"


def _answers_twice(field: Field) -> bool:
    code = _TOOLS + ANSWERS_TWICE
    with field.worker() as worker:
        if field.held:
            assert run(worker, code) == 1
            return not stopped(worker, "result = 3", ProtocolError)
        assert naive.ask(worker, code) == 1
        return bool(naive.ask(worker, "result = 3") == 66)


def _answers_with_countless_nodes(field: Field) -> bool:
    code = f"value = b'\\xdd' + struct.pack('>I', {_NODES}) + b'\\x90' * {_NODES}\n"
    text = _TOOLS + code + "kind(7, call, value)" + _THEN
    with field.worker() as worker:
        if field.held:
            return not stopped(worker, text, MessageLimitError)
        return len(naive.ask(worker, text, patience=60)) == _NODES


_SMUGGLES = """
end, _ = os.pipe()
number = os.fstat(end).st_ino
value = b"\\x93\\x07\\xc4\\x08" + call + b"\\xcf" + struct.pack(">Q", number)
channel.sendmsg([struct.pack("<I", len(value)) + value],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("3i", *[end] * 3))])
"""


def _smuggles_descriptors(field: Field) -> bool:
    text = _TOOLS + _SMUGGLES + _THEN
    with field.worker() as worker:
        if field.held:
            return _holds(run(worker, text))
        channel = worker.line.channel
        channel.send([2, bytes(8), text, {}])
        with socket.socket(fileno=os.dup(channel.socket.fileno())) as own:
            own.settimeout(30)
            data, fds, _, _ = socket.recv_fds(own, 4096, 3)
        try:
            return _holds(msgpack.decode(data[4:])[-1])
        finally:
            for fd in fds:
                os.close(fd)


def _holds(pipe: object) -> bool:
    """Whether this process has an end of the pipe of that number."""
    wanted = f"pipe:[{pipe}]"
    for path in Path("/proc/self/fd").iterdir():
        try:
            if str(path.readlink()) == wanted:
                return True
        except OSError:  # another thread's
            continue
    return False


def _speaks_without_end(field: Field) -> bool:
    text = _TOOLS + "while True: frame(b'\\x91\\x0c'); time.sleep(0.002)"
    with field.worker(wall_seconds=_WALL if field.held else 600) as worker:
        if field.held:
            return not stopped(worker, text, WallLimitError)
        end = time.monotonic() + 1.5 * _WALL
        naive.ask(worker, text)
        while time.monotonic() < end:
            naive.read(worker)
    return True


def _answers_what_nobody_takes(field: Field) -> bool:
    limit = _MIB if field.held else 64 * _MIB
    with field.worker(message_bytes=limit) as worker:
        calls = [worker.submit(f"result = 'x' * {_MIB - 4096}") for _ in range(9)]
        try:
            return len(str(calls[-1].result().value)) == _MIB - 4096
        except MessageLimitError:
            return False


_EITHER = (ProtocolError, MessageLimitError)

_BELIEVED: dict[str, tuple[Any, *tuple[type[SandboxError], ...]]] = {
    "send a byte": (_crash("error"),),
    "send garbage": ("waits", *_EITHER),
    "send zeros": (_crash("DecodeError"),),
    "claim four GiB": ("waits", MessageLimitError),
    "send less than it claims": ("waits",),
    "claim a list of four thousand million": (_crash("DecodeError"), *_EITHER),
    "nest lists": (_crash("RecursionError"), DepthLimitError),
    "send a byte that is no msgpack": (_crash("DecodeError"),),
    "send an extension": (_crash("TypeError"),),
    "send text that is none": (_crash("UnicodeDecodeError"),),
    "send a map of numbers": (_crash("KeyError"),),
    "send an empty list": (_crash("IndexError"),),
    "send a kind and nothing else": (7,),
    "answer another's call": (42,),
    "answer before it is called": (42,),
    "call its host": (42,),
    "pass what only a host passes": (42,),
    "close its end": (_crash("error"),),
}

ATTACKS: dict[str, Attack] = {
    **{name: _lie(name, *_BELIEVED[name]) for name in LIES},
    "answer twice": _answers_twice,
    "answer with countless nodes": _answers_with_countless_nodes,
    "smuggle descriptors": _smuggles_descriptors,
    "speak without end": _speaks_without_end,
    "answer what nobody takes": _answers_what_nobody_takes,
}
