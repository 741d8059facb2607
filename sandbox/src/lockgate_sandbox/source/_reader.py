"""The process that reads files for another one; started by `_readers`, nobody else."""

from __future__ import annotations

import sys

import msgspec

from lockgate_sandbox.parsing import batch
from lockgate_sandbox.source._readers import Question, receive, send
from lockgate_sandbox.source.scan import findings_in

__all__ = ["main"]


def main() -> None:
    """Answer questions until there are no more."""
    decode = msgspec.msgpack.Decoder(Question).decode
    encode = msgspec.msgpack.Encoder().encode

    def work() -> None:
        while (message := receive(sys.stdin.buffer)) is not None:
            ask = decode(message)
            found = findings_in(ask.path, ask.kind, ask.data, ask.limits)
            send(sys.stdout.buffer, encode(found))

    batch(work)
