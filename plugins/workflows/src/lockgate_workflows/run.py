"""One run of one pipeline: which steps may start, and what happens when one fails.

Order of a run::

    1. Each step starts as soon as all that it needs has ended well (done or
       skipped); independent ones run at the same time, in threads.
    2. When a step fails or is refused, nothing more starts. What is running
       ends; what has not started is cancelled.
    3. The completed steps are compensated, the last completed first. An error
       of a compensation is recorded there and stops nothing.
    4. Steps marked ``always`` that are left run now.
    5. The outputs are made.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any

from lockgate.expression import ExpressionError, render
from lockgate.values import Data
from lockgate_workflows.fields import templates
from lockgate_workflows.inputs import InputError, bind
from lockgate_workflows.model import Call, Pipeline
from lockgate_workflows.problems import Place, Problems
from lockgate_workflows.records import error_document, summarised
from lockgate_workflows.result import Result
from lockgate_workflows.shared import Shared, Stop
from lockgate_workflows.sources import beside
from lockgate_workflows.work import StepWork, call_hook

__all__ = ["Run"]

THREAD_LIMIT = 8
"""Steps of one run that run at the same time."""


class Run:
    """A pipeline's execution, from its inputs to its run document.

    `label` begins each of its progress messages, `share` is its part of the
    whole, `deadline` a time of the monotonic clock.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        given: Mapping[str, Data],
        shared: Shared,
        *,
        label: str = "",
        share: float = 1.0,
        stop: Stop | None = None,
        deadline: float | None = None,
    ) -> None:
        self.state = "cancelled"
        self.error: Mapping[str, Data] | None = None
        self.outputs: dict[str, Data] = {}
        self._pipeline = pipeline
        self._given = given
        self._shared = shared
        self._label = label
        self._share = share
        self._stop = Stop(stop)
        self._deadline = deadline
        self._inputs: dict[str, Data] = {}
        self._results = {step.id: Result(step) for step in pipeline.steps}
        self._seen: dict[str, Data] = {}
        self._lock = threading.Lock()
        self._completed: list[Result] = []
        self._started = self._seconds = 0.0

    # -- the order of a run ------------------------------------------------------

    def execute(self) -> None:
        """Run to the end; how it ended is in `state` and `document`."""
        if self._stop.fallen:
            self._shared.progress.tell(f"{self._label}cancelled", self._share)
            return
        self._started = self._shared.clock()
        try:
            self._inputs = bind(self._pipeline, self._given, self._shared.files)
        except InputError as error:
            self.state, self.error = "refused", error_document(error)
            self._shared.progress.tell(f"{self._label}refused", self._share)
        else:
            self._execute()
        self._seconds = round(self._shared.clock() - self._started, 6)

    def _execute(self) -> None:
        self._advance()
        if not self._good:
            self._cancel()
            self.compensate()
            self._advance(always=True)
        elif self._stop.fallen:
            self._cancel()
            self._advance(always=True)
        self.state = self._state()
        if self.state == "done":
            self._make_outputs()
        else:
            self._save_outputs()

    def _advance(self, *, always: bool = False) -> None:
        """Start whatever may start until nothing runs and nothing can."""
        pool = ThreadPoolExecutor(THREAD_LIMIT, thread_name_prefix="pipeline-step")
        running: set[Future[None]] = set()
        try:
            while True:
                ready = self._ready(always=always)
                for result in ready:
                    result.state = "running"
                if len(ready) == 1 and not running:
                    self._work(ready[0])  # a chain needs no thread of its own
                    continue
                running |= {pool.submit(self._work, result) for result in ready}
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
        except BaseException:
            self._stop.fall()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()

    def _ready(self, *, always: bool) -> list[Result]:
        if self._stop.fallen and not always:
            return []
        return [
            result
            for result in self._results.values()
            if result.state == "waiting" and self._may_start(result)
        ]

    def _may_start(self, result: Result) -> bool:
        # What is in `_seen` has ended for good; a state alone may still change.
        needs = result.step.needs
        if not all(name in self._seen for name in needs):
            return False
        return result.step.always or all(self._results[n].good for n in needs)

    def _work(self, result: Result) -> None:
        share = self._share / len(self._results)
        StepWork(
            result,
            self._names(),
            self._shared,
            spawn=self._spawn,
            stop=self._stop,
            label=self._label,
            share=share,
            deadline=self._deadline,
        ).execute()
        with self._lock:
            self._seen[result.step.id] = result.names()
            self._completed.append(result)
            if not result.good:
                if self.error is None:
                    self.error = {**(result.error or {}), "step": result.step.id}
                self._stop.fall()

    def _spawn(
        self,
        pipeline: Pipeline,
        given: Mapping[str, Data],
        *,
        label: str,
        share: float,
        deadline: float | None,
    ) -> Run:
        return Run(
            pipeline,
            given,
            self._shared,
            label=label,
            share=share,
            stop=self._stop,
            deadline=deadline,
        )

    # -- when a step fails -------------------------------------------------------

    @property
    def _good(self) -> bool:
        return all(result.good for result in self._completed)

    def _cancel(self) -> None:
        """Give up what has not started; `always` steps still may."""
        share = self._share / len(self._results)
        for result in self._results.values():
            if result.state == "waiting" and not result.step.always:
                result.state = "cancelled"
                self._seen[result.step.id] = result.names()
                self._shared.progress.tell(
                    f"{self._label}{result.step.id}: cancelled", share
                )

    def compensate(self) -> bool:
        """Undo the completed steps, last first; whether anything was undone."""
        undone = False
        for result in reversed(self._completed):
            if result.state == "done" and self._undo(result):
                undone = True
                self._seen[result.step.id] = result.names()
        return undone

    def _undo(self, result: Result) -> bool:
        undone = False
        for run in reversed(result.runs):
            undone = run.compensate() or undone
        if result.step.compensate:
            undone = True
            self._compensate(result, result.step.compensate)
        return undone

    def _compensate(self, result: Result, call: Call) -> None:
        started = self._shared.clock()
        self._shared.progress.tell(f"{self._label}{result.step.id}: undoing")
        answers: list[dict[str, Data]] = []
        error: dict[str, Data] | None = None
        try:
            answers, _ = call_hook(self._shared, call, self._names(), None)
            result.state = "compensated"
        except Exception as caught:
            error = error_document(caught)
        result.compensation = {
            "hook": call.hook,
            "plugin": call.plugin,
            "state": "failed" if error else "done",
            "started": started,
            "seconds": round(self._shared.clock() - started, 6),
            "answers": [summarised(answer) for answer in answers],
            "error": error,
        }

    def _state(self) -> str:
        states = {result.state for result in self._completed}
        if "failed" in states:
            return "failed"
        if "refused" in states:
            return "refused"
        if any(result.state == "cancelled" for result in self._results.values()):
            return "cancelled"
        return "done"

    # -- what it gives ------------------------------------------------------------

    def _make_outputs(self) -> None:
        try:
            self.outputs = render(dict(self._pipeline.outputs), self._names())
        except ExpressionError as error:
            self.state = "failed"
            self.error = {**error_document(error), "step": ""}

    def _save_outputs(self) -> None:
        """Of a run that did not end done: the outputs of steps that stand."""
        for name, value in self._pipeline.outputs.items():
            read = {
                str(reference.path[1])
                for _, reference in templates(value, Place(), Problems())
                if reference.path[0] == "steps" and len(reference.path) > 1
            }
            if all(self._results[step].state == "done" for step in read):
                with suppress(ExpressionError):
                    self.outputs[name] = render(value, self._names())

    def _names(self) -> Mapping[str, Any]:
        with self._lock:
            return _Names(self._inputs, dict(self._seen), self)

    def document(self) -> dict[str, Data]:
        """The run document (``docs/reference/pipelines.md``)."""
        ended = [self._results[name] for name in self._results if name in self._seen]
        return {
            "schema": 1,
            "name": self._pipeline.name,
            "state": self.state,
            "started": self._started,
            "seconds": self._seconds,
            "inputs": summarised(self._inputs or dict(self._given)),
            "steps": [result.record() for result in ended],
            "outputs": self.outputs,
            "error": self.error,
        }

    def files(self) -> dict[str, Data]:
        """The files beside the pipeline, by relative path."""
        return beside(self._shared.files, self._pipeline.file)

    def snapshot(self) -> dict[str, Data]:
        """The document as it would be if the run ended now."""
        with self._lock:
            state, seconds = self._state(), self._shared.clock() - self._started
        return {**self.document(), "state": state, "seconds": round(seconds, 6)}


class _Names(Mapping[str, Any]):
    """The names of a run's expressions; some are made only if they are asked for."""

    def __init__(
        self, inputs: Mapping[str, Data], steps: Mapping[str, Data], run: Run
    ) -> None:
        self._values: dict[str, Any] = {"inputs": inputs, "steps": steps}
        self._values |= {"run": None, "files": None}
        self._run = run

    def __getitem__(self, name: str) -> Any:
        if name == "run":
            return self._run.snapshot()
        return self._run.files() if name == "files" else self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
