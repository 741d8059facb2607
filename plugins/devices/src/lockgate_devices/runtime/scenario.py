"""Executes a contract's scenario on a board and gives a verdict per expectation.

The steps are those of ``docs/reference/contract.md``. An exception of the SDK or
of the firmware is a failed verdict with its text; only the end of the board ends
the run early.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, TypeAlias

from lockgate_devices.runtime.board import Board, BoardStopped
from lockgate_devices.runtime.edges import Expectation, judge_edges, judge_wave
from lockgate_devices.runtime.sdk import WireTransport

__all__ = ["REPLY_SECONDS", "Runner"]

Step: TypeAlias = Mapping[str, Any]
Result: TypeAlias = "tuple[bool, str, str]"

REPLY_SECONDS = 1.0
"""How long a reply may take; a device answers within one turn of its loop."""

_SILENCE_US = 50_000
"""How long a line that gets no reply is listened for, once it arrived."""

_LIKE = {"pwm": "output", "analog": "input"}
"""What a board that cannot tell modes apart may show instead."""


class Runner:
    """One run of a scenario; `verdicts` are plain data, in order of the steps."""

    def __init__(
        self, board: Board, baud: int, sdk: ModuleType | None, sdk_error: str
    ) -> None:
        self.verdicts: list[dict[str, Any]] = []
        self.stopped = ("", "")
        self._board = board
        self._baud = baud
        self._sdk = sdk
        self._sdk_error = sdk_error
        self._wire = WireTransport(board)
        self._device: Any = None
        self._actions: dict[str, Callable[[Any], None]] = {
            "run": self._run,
            "call": self._call,
            "send": self._send,
            "drive": self._drive,
            "analog": self._analog,
            "level": self._level,
            "edges": self._edges,
            "mode": self._mode,
            "pwm": self._pwm,
        }

    def run(self, steps: Sequence[Step]) -> None:
        """Execute the steps in order, until the end or until the board stops."""
        done = 0
        try:
            while done < len(steps):
                done += self._step(steps, done)
        except BoardStopped as stop:
            self.stopped = (stop.code, str(stop))
            rest = len(steps) - done
            self._add(
                f"{stop.code} in step {done + 1}",
                (False, f"all {len(steps)} steps run", f"{stop}; {rest} steps missing"),
            )

    def _step(self, steps: Sequence[Step], index: int) -> int:
        step = steps[index]
        if step["do"] == "edges":
            # Windows that are to run at the same time are judged after it.
            end = index + 1
            while end < len(steps) and steps[end].get("same_window") is True:
                end += 1
            self._edges(steps[index:end])
            return end - index
        action = self._actions.get(step["do"])
        try:
            if action is None:
                msg = f"unknown step {step['do']!r}"
                raise ValueError(msg)
            action(step)
        except BoardStopped:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:400]
            self._add(f"step {index + 1} ({step['do']})", (False, "no error", text))
        return 1

    def _add(self, name: str, result: Result) -> None:
        passed, expected, seen = result
        self.verdicts.append(
            {
                "name": name,
                "passed": passed,
                "expected": expected,
                "seen": seen,
                "at_us": self._board.now_us,
            }
        )

    # -- the world does something -------------------------------------------

    def _run(self, step: Step) -> None:
        self._board.advance(self._board.now_us + step["ms"] * 1_000)

    def _drive(self, step: Step) -> None:
        self._board.drive(step["pin"], step["level"])

    def _analog(self, step: Step) -> None:
        self._board.analog(step["pin"], step["value"], step["max"])

    # -- over the wire --------------------------------------------------------

    def _connect(self) -> Any:
        if self._device is None:
            if self._sdk is None:
                msg = f"the SDK does not load: {self._sdk_error}"
                raise RuntimeError(msg)
            self._device = self._sdk.Device(self._wire)
        return self._device

    def _call(self, step: Step) -> None:
        words = ", ".join(map(repr, step["args"]))
        name = f"{step['method']}({words})"
        expected = (step["result"], step["send"], step["reply"])
        try:
            device = self._connect()
            self._wire.forget()
            result = getattr(device, step["method"])(*step["args"])
        except BoardStopped:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"[:400]
            self._add(name, (False, _traffic(*expected), text))
            return
        seen = (result, _text(bytes(self._wire.sent)), _join(self._wire.got))
        same = seen == expected and type(result) is type(step["result"])
        self._add(name, (same, _traffic(*expected), _traffic(*seen)))

    def _send(self, step: Step) -> None:
        line, reply = step["line"], step["reply"]
        data = line.encode("utf-8", "surrogateescape") + b"\n"
        stale = self._board.take()
        self._wire.write(data)
        arrival_us = len(data) * 10_000_000 // self._baud
        if reply is None:
            self._board.advance(self._board.now_us + arrival_us + _SILENCE_US)
            got = self._board.take()
        else:
            got = self._wire.read_line(REPLY_SECONDS + arrival_us / 1_000_000)
        wanted = b"" if reply is None else reply.encode() + b"\n"
        seen = repr(_text(stale + got)) if stale + got else "no reply"
        expected = "no reply" if reply is None else repr(reply)
        shown = line if len(line) <= 40 else f"{line[:16]}… ({len(line)} characters)"
        self._add(f"line {shown!r}", (stale + got == wanted, expected, seen))

    # -- expectations on pins -------------------------------------------------

    def _level(self, step: Step) -> None:
        seen = self._board.level(step["pin"])
        self._add(
            f"pin {step['pin']} is {step['level']}",
            (seen == step["level"], str(step["level"]), str(seen)),
        )

    def _mode(self, step: Step) -> None:
        wanted, seen = step["mode"], self._board.mode(step["pin"])
        alike = not self._board.tells_modes and seen == _LIKE.get(wanted)
        self._add(
            f"pin {step['pin']} is {wanted}", (seen == wanted or alike, wanted, seen)
        )

    def _edges(self, steps: Sequence[Step]) -> None:
        start = self._board.now_us
        longest = max(step["within_ms"] for step in steps)
        self._board.advance(start + longest * 1_000)
        for step in steps:
            end = start + step["within_ms"] * 1_000
            times = self._board.trace.edge_times(step["pin"], start, end)
            expectation = Expectation(
                step["within_ms"],
                step.get("period_ms"),
                step.get("count_min"),
                step.get("count_max"),
                step.get("tolerance_ms", 0),
            )
            self._add(f"edges of pin {step['pin']}", judge_edges(expectation, times))

    def _pwm(self, step: Step) -> None:
        result = judge_wave(self._board, step)
        if result is not None:
            self._add(f"wave on pin {step['pin']}", result)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").rstrip("\n")


def _join(lines: Sequence[bytes]) -> str:
    return " | ".join(_text(line) for line in lines)


def _traffic(result: object, sent: str, got: str) -> str:
    return f"{result!r} by {sent!r} -> {got!r}"
