"""The generated Python SDK, on the virtual wire instead of a serial port.

The SDK's file runs as it is; only its `time` is the board's, so that its time-outs
and pauses are virtual too.
"""

from __future__ import annotations

import builtins
import sys
from types import ModuleType
from typing import Any

from lockgate_devices.runtime.board import Board

__all__ = ["WireTransport", "load_sdk"]

_MODULE = "lockgate_sdk"


class WireTransport:
    """The SDK's transport: `write` and `read_line`, in virtual time.

    `sent` and `got` keep the traffic since `forget`, for comparison.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self.sent = bytearray()
        self.got: list[bytes] = []

    def forget(self) -> None:
        """Start a new comparison."""
        self.sent.clear()
        self.got.clear()

    def write(self, data: bytes) -> int:
        """Put `data` on the wire."""
        self._board.send(bytes(data))
        self.sent += data
        return len(data)

    def read_line(self, timeout: float) -> bytes:
        """The next line with its newline; empty if `timeout` seconds went by."""
        deadline = self._board.now_us + int(timeout * 1_000_000)
        line = self._board.take_line()
        while line is None and self._board.now_us < deadline:
            self._board.advance(deadline, line=True)
            line = self._board.take_line()
        if line is None:
            return b""
        self.got.append(line)
        return line

    def close(self) -> None:
        """Nothing to let go of."""


def _time_of(board: Board) -> ModuleType:
    module: Any = ModuleType("time")

    def seconds() -> float:
        return board.now_us / 1_000_000

    def sleep(duration: float) -> None:
        board.advance(board.now_us + int(duration * 1_000_000))

    module.monotonic = module.time = module.perf_counter = seconds
    module.monotonic_ns = module.time_ns = lambda: board.now_us * 1_000
    module.sleep = sleep
    return module  # type: ignore[no-any-return]


def load_sdk(source: str, path: str, board: Board) -> ModuleType:
    """Run the SDK's file and return its module."""
    clock = _time_of(board)

    def find(name: str, *rest: Any) -> ModuleType:
        return clock if name == "time" else __import__(name, *rest)

    module = ModuleType(_MODULE)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": find}
    sys.modules[_MODULE] = module  # dataclasses look their module up here
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    return module
