"""What a call gives back: its value, and what it used."""

from __future__ import annotations

import msgspec

from lockgate_sandbox.errors import Data
from lockgate_sandbox.posture import Posture

__all__ = ["Reply", "Usage"]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What one call used. `peak_memory_bytes` is the worker's so far.

    CPU seconds are those of the worker since they were last read, once a millisecond
    at most: calls that are quicker, or under way together, can't be told apart.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int
    output_bytes: int


class Reply(msgspec.Struct, frozen=True):
    """The answer to one call; `output` is what was printed since the last."""

    value: Data
    usage: Usage
    posture: Posture
    output: str
