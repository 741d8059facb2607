"""From what a worker handed back to a `Simulation`.

The firmware ran in that worker, so its answer is foreign data as well: whatever
does not have the agreed form becomes a failed simulation, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lockgate.values import Document, Note, PythonRun, Simulation, Tree, Verdict
from lockgate_devices._foreign import as_list, as_mapping, is_int

__all__ = ["failed", "to_simulation"]

_EVENT_KINDS = ("pin", "rx", "tx", "analog", "mark")
_LIMIT_WORDS = {
    "cpu-limit": "the firmware used up its CPU time: a loop without a call into the "
    "board's modules?",
    "wall-limit": "the run took too long by the clock",
    "memory-limit": "the firmware used up its memory",
}


def failed(board: str, code: str, message: str, seen: str = "") -> Simulation:
    """A simulation that did not come to its verdicts."""
    verdict = Verdict(code, False, message, seen or code)
    return Simulation(board, False, 0, verdicts=(verdict,), stopped=code)


def to_simulation(
    board: str,
    run: PythonRun,
    *,
    verdicts: Sequence[Verdict] = (),
    notes: Sequence[Note] = (),
    artifacts: Tree | None = None,
) -> Simulation:
    """The simulation that `run` shows, after `verdicts` that came before it."""
    if run.error:
        words = _LIMIT_WORDS.get(run.error, run.message or "the worker ended")
        return failed(board, run.error, "the scenario runs to its end", words)
    try:
        value = _mapping(run.value)
        events = tuple(_event(event) for event in _list(value["events"]))
        seen = tuple(_verdict(item) for item in _list(value["verdicts"]))
        duration = _int(value["duration_us"])
        stopped = _str(value["stopped"])
        texts = [_str(text) for text in _list(value["notes"])]
    except (KeyError, TypeError, ValueError):
        message = "the worker answers in the agreed form"
        return failed(board, "answer-invalid", message, "something else")
    everything = (*verdicts, *seen)
    if not seen and not stopped:
        nothing = Verdict("expectations", False, "at least one", "none")
        everything = (*everything, nothing)
    return Simulation(
        board,
        passed=not stopped and all(verdict.passed for verdict in everything),
        duration_us=duration,
        events=events,
        verdicts=everything,
        artifacts=artifacts or Tree(),
        notes=(*notes, *(Note("info", board, text) for text in texts)),
        stopped=stopped,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    found = as_mapping(value)
    if found is None:
        raise TypeError
    return found


def _list(value: object) -> Sequence[Any]:
    found = as_list(value)
    if found is None:
        raise TypeError
    return found


def _str(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _int(value: object) -> int:
    if not isinstance(value, int) or not is_int(value) or value < 0:
        raise TypeError
    return value


def _event(value: object) -> Document:
    event = _mapping(value)
    if event.get("kind") not in _EVENT_KINDS:
        raise TypeError
    _int(event["at_us"])
    return dict(event)


def _verdict(value: object) -> Verdict:
    verdict = _mapping(value)
    if not isinstance(verdict["passed"], bool):
        raise TypeError
    return Verdict(
        _str(verdict["name"]),
        verdict["passed"],
        _str(verdict["expected"]),
        _str(verdict["seen"]),
        _int(verdict["at_us"]),
    )
