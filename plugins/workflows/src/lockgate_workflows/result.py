"""One step's outcome while it grows, and its record in the run document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from lockgate.values import Data
from lockgate_workflows.model import Step
from lockgate_workflows.records import summarised

__all__ = ["Result", "State", "SubRun"]

State: TypeAlias = Literal[
    "waiting",
    "running",
    "done",
    "failed",
    "refused",
    "skipped",
    "cancelled",
    "compensated",
]


class SubRun(Protocol):
    """A run that a step started."""

    state: str
    error: Mapping[str, Data] | None

    @property
    def outputs(self) -> Mapping[str, Data]:
        """What it gives, trees included."""
        ...

    def document(self) -> dict[str, Data]:
        """Its run document."""
        ...

    def compensate(self) -> bool:
        """Undo its steps; whether there was anything to undo."""
        ...


@dataclass(slots=True)
class Result:
    """Written by the thread that runs the step, read by others once it has ended."""

    step: Step
    state: State = "waiting"
    note: str = ""
    started: float = 0.0
    seconds: float = 0.0
    attempts: int = 0
    answers: list[dict[str, Data]] = field(default_factory=list[dict[str, Data]])
    failures: list[dict[str, Data]] = field(default_factory=list[dict[str, Data]])
    error: dict[str, Data] | None = None
    runs: Sequence[SubRun] = ()
    compensation: dict[str, Data] | None = None

    @property
    def good(self) -> bool:
        """Whether what it gives may be used."""
        return self.state in ("done", "skipped")

    def names(self) -> dict[str, Data]:
        """What expressions see of the step."""
        values: list[Data] = [answer["value"] for answer in self.answers]
        if self.step.pipeline is not None:
            values = [dict(run.outputs) for run in self.runs]
        return {
            "id": self.step.id,
            "state": self.state,
            "value": values[0] if values else None,
            "values": values,
            "error": self.error,
            "runs": [run.document() for run in self.runs],
            "seconds": self.seconds,
        }

    def record(self) -> dict[str, Data]:
        """The step in the run document, trees summarised."""
        call = self.step.call
        return {
            "id": self.step.id,
            "hook": call.hook if call else None,
            "plugin": call.plugin if call else None,
            "pipeline": self.step.pipeline,
            "needs": list(self.step.needs),
            "state": self.state,
            "note": self.note,
            "expect": self.step.expect,
            "started": self.started,
            "seconds": self.seconds,
            "attempts": self.attempts,
            "answers": [summarised(answer) for answer in self.answers],
            "failures": list(self.failures),
            "error": self.error,
            "compensation": self.compensation,
            "runs": [run.document() for run in self.runs],
        }
