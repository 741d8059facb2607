"""The doors of the worker: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockgate_devices.runtime.avr.board import AvrBoard
from lockgate_devices.runtime.avr.simavr import Simavr
from lockgate_devices.runtime.board import Board, BoardStopped
from lockgate_devices.runtime.scenario import Runner
from lockgate_devices.runtime.sdk import load_sdk
from lockgate_devices.runtime.virtual.board import VirtualBoard
from lockgate_devices.runtime.virtual.core import CpuBudget

__all__ = ["replay_virtual", "run_simavr", "run_virtual"]


def run_virtual(
    firmware: str,
    path: str,
    sdk: str,
    sdk_path: str,
    contract: Mapping[str, Any],
    cpu_seconds: float,
) -> dict[str, Any]:
    """Run MicroPython firmware through its contract's scenario."""
    budget = CpuBudget(total=cpu_seconds * 0.8, silent=min(1.5, cpu_seconds * 0.3))
    board = VirtualBoard(firmware, path, contract, budget)
    try:
        result = _run_scenario(board, sdk, sdk_path, contract)
        if board.lost:
            result["notes"].append(f"{board.lost} bytes came into a full buffer")
        return result
    finally:
        board.close()


def run_simavr(
    library: str,
    flash: bytes,
    mcu: str,
    f_cpu: int,
    pins: Mapping[str, Any],
    sdk: str,
    sdk_path: str,
    contract: Mapping[str, Any],
    cpu_seconds: float,
) -> dict[str, Any]:
    """Run machine code in simavr through its contract's scenario."""
    proof = Simavr(library, mcu, f_cpu, flash)
    proof.check_clock()
    avr = Simavr(library, mcu, f_cpu, flash)
    board = AvrBoard(avr, pins, contract, cpu_seconds * 0.8)
    result = _run_scenario(board, sdk, sdk_path, contract)
    result["notes"].extend(dict.fromkeys(board.notes))
    return result


def _run_scenario(
    board: Board, sdk: str, sdk_path: str, contract: Mapping[str, Any]
) -> dict[str, Any]:
    """Drive `board` through the scenario and put the result into data."""
    module, error = None, "there is none"
    if sdk:
        try:
            module = load_sdk(sdk, sdk_path, board)
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"[:400]
    steps: Sequence[Any] = contract["scenario"]
    runner = Runner(board, contract["serial"]["baud"], module, error)
    runner.run(steps)
    verdicts = runner.verdicts + [
        {"name": name, "passed": False, "expected": "none", "seen": text, "at_us": at}
        for name, text, at in board.trace.faults
    ]
    notes: list[str] = []
    if board.trace.dropped:
        notes.append(f"{board.trace.dropped} events over the limit were not kept")
    return {
        "events": board.trace.events,
        "verdicts": verdicts,
        "duration_us": board.now_us,
        "stopped": runner.stopped[0],
        "notes": notes,
    }


def replay_virtual(
    firmware: str,
    path: str,
    contract: Mapping[str, Any],
    writes: Sequence[Mapping[str, Any]],
    taken: int,
    size: int,
    until_us: int,
    cpu_seconds: float,
) -> dict[str, Any]:
    """Play a session from reset and return what nobody took yet, up to `size`."""
    budget = CpuBudget(total=cpu_seconds * 0.8, silent=min(1.5, cpu_seconds * 0.3))
    board = VirtualBoard(firmware, path, contract, budget)
    sent = bytearray()
    stopped = ""
    try:
        for write in writes:
            board.advance(write["at_us"])
            board.send(write["data"])
        sent += board.take()
        while board.now_us < until_us and len(sent) <= taken:
            board.advance(until_us, any_byte=True)
            sent += board.take()
    except BoardStopped as stop:
        sent += board.take()
        stopped = f"{stop.code}: {stop}"
    finally:
        board.close()
    data = bytes(sent[taken : taken + size])
    return {"data": data, "now_us": board.now_us, "stopped": stopped}
