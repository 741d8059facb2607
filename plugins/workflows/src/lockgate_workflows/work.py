"""One step's work: condition, attempts, the call or the sub-runs, the verdict.

A step moves through its states in one direction::

    waiting → running → done → compensated
                      → failed | refused | skipped
    waiting → cancelled

Nothing here raises: what goes wrong becomes the step's state and error.
"""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, cast

from lockgate.expression import render
from lockgate.values import Data
from lockgate_workflows.check import resolve
from lockgate_workflows.hooks import known_hooks
from lockgate_workflows.model import Call, Pipeline
from lockgate_workflows.records import StepError, error_document, retryable
from lockgate_workflows.result import Result, SubRun
from lockgate_workflows.shared import Shared, Stop

__all__ = ["Child", "Spawn", "StepWork", "call_hook"]

ITEM_LIMIT = 256
"""Items of one ``foreach``."""


class Child(SubRun, Protocol):
    """A sub-run that can still be started."""

    def execute(self) -> None:
        """Run it to its end."""
        ...


class Spawn(Protocol):
    """Makes the run of a sub-pipeline."""

    def __call__(
        self,
        pipeline: Pipeline,
        given: Mapping[str, Data],
        *,
        label: str,
        share: float,
        deadline: float | None,
    ) -> Child:
        """The run, not yet started; `share` is its part of the whole (0 to 1)."""
        ...


class StepWork:
    """Runs one step to its end, in whatever thread calls `execute`.

    `deadline` is a time of the monotonic clock that no call may run past.
    """

    def __init__(
        self,
        result: Result,
        names: Mapping[str, Any],
        shared: Shared,
        *,
        spawn: Spawn,
        stop: Stop,
        label: str,
        share: float,
        deadline: float | None,
    ) -> None:
        self._result = result
        self._step = result.step
        self._names = names
        self._shared = shared
        self._spawn = spawn
        self._stop = stop
        self._label = f"{label}{self._step.id}"
        self._share = share
        self._deadline = deadline

    def execute(self) -> None:
        """Run the step; its result says how it ended."""
        result, shared = self._result, self._shared
        result.started = shared.clock()
        shared.progress.tell(f"{self._label} …")
        try:
            if self._step.when and not self._step.when.holds(self._names):
                self._skip(f"when: {self._step.when.source}")
            else:
                shared.budget.take()
                self._attempts()
        except Exception as error:
            self._fail(error)
        self._judge()
        result.seconds = round(shared.clock() - result.started, 6)
        share = 0.0 if result.runs else self._share
        shared.progress.tell(f"{self._label}: {result.state}", share)

    def _skip(self, note: str) -> None:
        self._result.state, self._result.note = "skipped", note

    def _fail(self, error: Exception) -> None:
        document = error_document(error)
        refused = document["code"] in ("input-refused", "runs-refused")
        self._result.error = document
        self._result.state = "refused" if refused else "failed"

    def _judge(self) -> None:
        """Hold the state against what the step expects."""
        result, expected = self._result, self._step.expect
        if expected == "done" or result.state == "skipped" or self._step.pipeline:
            return
        if result.state == expected:
            result.state, result.note = "done", f"{expected}, as expected"
        elif result.state == "done":
            message = f"the step was expected to end {expected} and did not"
            self._fail(StepError("expectation-missed", message))

    def _attempts(self) -> None:
        retry, delay = self._step.retry, self._step.retry.delay_seconds
        for attempt in range(1, retry.attempts + 1):
            self._result.attempts = attempt
            self._result.answers, self._result.failures = [], []
            try:
                self._once()
            except Exception as error:
                last = attempt == retry.attempts or self._stop.fallen
                if last or not retryable(error):
                    raise
            else:
                return
            self._stop.wait(delay)
            delay *= retry.backoff

    def _once(self) -> None:
        if self._step.call:
            self._call(self._step.call)
        else:
            self._sub_runs(self._step.pipeline or "")
        if self._result.state != "skipped":
            self._result.state = "done"

    # -- a call ----------------------------------------------------------------

    def _call(self, call: Call) -> None:
        try:
            answers, failures = call_hook(
                self._shared, call, self._names, self._deadline
            )
        except Exception as error:
            if self._step.optional and getattr(error, "code", "") in _ABSENT:
                self._skip(str(error))
                return
            raise
        self._result.answers, self._result.failures = answers, failures
        if not answers:
            self._no_answer(call, failures)
        for answer in answers:
            self._hold(answer)

    def _no_answer(self, call: Call, failures: list[dict[str, Data]]) -> None:
        message = f"no plugin answered {call.hook}"
        if call.plugin:
            message = f"plugin {call.plugin!r} gave no answer to {call.hook}"
        if self._step.optional and not failures:
            self._skip(message)
            return
        reasons = [_failure_reason(failure) for failure in failures]
        hint = (
            f"None means that the input is not of its kind: `lockgate hooks show "
            f"{call.hook}` says what is asked. A step with 'optional: true' may go "
            f"without."
        )
        raise StepError("no-answer", message, hint=hint, reasons=reasons)

    def _hold(self, answer: Mapping[str, Data]) -> None:
        """Fail the step if ``fail_when`` holds for this answer."""
        condition = self._step.fail_when
        if condition is None:
            return
        value = answer["value"]
        if condition.holds(self._with(answer=value)):
            reasons = _evidence(value)
            what = str(reasons[0]["message"]) if reasons else condition.source
            more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
            message = f"{answer.get('plugin', 'the run')}: {what}{more}"
            raise StepError("condition-met", message, reasons=reasons)

    def _with(self, **names: Any) -> Mapping[str, Any]:
        """The step's names and some more, none of them made before it is asked."""
        return ChainMap(names, cast("dict[str, Any]", self._names))

    # -- sub-runs ----------------------------------------------------------------

    def _sub_runs(self, path: str) -> None:
        shared = self._shared
        pipeline = shared.checked.subs[resolve(self._step.place.file, path)]
        runs = self._children(pipeline)
        self._result.runs = runs
        self._run_all(runs)
        wrong = [run for run in runs if run.state != self._step.expect]
        try:
            if wrong:
                raise _unexpected(runs, wrong, self._step.expect)
            for run in runs:
                if self._step.fail_when:
                    self._hold({"value": run.document()})
        except StepError:
            # What the step did so far is undone with it: nobody else could.
            for run in reversed(runs):
                run.compensate()
            raise
        if self._step.expect != "done":
            self._result.note = f"{self._step.expect}, as expected"

    def _children(self, pipeline: Pipeline) -> list[Child]:
        step, deadline = self._step, self._deadline
        if step.timeout is not None:
            own = time.monotonic() + step.timeout
            deadline = own if deadline is None else min(own, deadline)
        items = self._items()
        share = self._share / max(1, len(items))
        children: list[Child] = []
        for index, extra in enumerate(items):
            at = f" {index + 1}/{len(items)}" if step.foreach is not None else ""
            given = render(step.given, self._with(**extra))
            label = f"{self._label}{at} › "
            children.append(
                self._spawn(
                    pipeline, given, label=label, share=share, deadline=deadline
                )
            )
        return children

    def _items(self) -> list[dict[str, Any]]:
        """The extra names of each sub-run."""
        step = self._step
        if step.foreach is None:
            return [{}]
        value = render(step.foreach, self._names)
        if not isinstance(value, list | tuple):
            raise StepError("foreach-invalid", "'foreach' did not give a list")
        found = cast("Sequence[Any]", value)
        if len(found) > ITEM_LIMIT:
            message = f"'foreach' runs over at most {ITEM_LIMIT} items"
            raise StepError("step-limit", f"{message}, there are {len(found)}")
        return [{step.item: item, "index": at} for at, item in enumerate(found)]

    def _run_all(self, runs: list[Child]) -> None:
        width = min(self._step.parallel, len(runs))
        if width <= 1:
            for run in runs:
                run.execute()
            return
        pool = ThreadPoolExecutor(width, thread_name_prefix="pipeline-item")
        try:
            for future in [pool.submit(run.execute) for run in runs]:
                future.result()
        except BaseException:
            self._stop.fall()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


_ABSENT = frozenset({"no-answer", "plugin-unavailable", "unknown-plugin"})


def call_hook(
    shared: Shared, call: Call, names: Mapping[str, Any], deadline: float | None
) -> tuple[list[dict[str, Data]], list[dict[str, Data]]]:
    """Call one hook: its answers, and the failures that the hook's policy skips.

    Raises:
        ExpressionError: If an argument's template has no value.
        StepError: If `deadline` has passed.
        Exception: Whatever the host raises.
    """
    options: dict[str, Any] = {}
    if call.plugin:
        options["plugin"] = call.plugin
    timeout = call.timeout
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise StepError("run-timeout", "the time given to the step above is over")
        timeout = min(left, timeout or known_hooks()[call.hook].timeout_seconds)
    if timeout is not None:
        options["timeout"] = timeout
    arguments: dict[str, Any] = render(call.arguments, names)
    answers = shared.host.call(call.hook, **options, **arguments)
    found = [answer.to_dict() for answer in answers.items]
    return found, [failure.to_dict() for failure in answers.failed]


def _failure_reason(failure: Mapping[str, Data]) -> dict[str, Data]:
    error = failure.get("error")
    fields: Mapping[str, Data] = error if isinstance(error, Mapping) else {}
    return {
        "code": fields.get("code", "hook-failed"),
        "where": failure.get("plugin", ""),
        "message": fields.get("message", ""),
        "hint": fields.get("hint", ""),
    }


def _evidence(value: Data) -> list[dict[str, Data]]:
    """What in an answer speaks for its failure: findings, or verdicts not passed."""
    if not isinstance(value, Mapping):
        return []
    reasons: list[dict[str, Data]] = []
    for finding in _objects(value.get("findings")):
        if finding.get("severity") == "error":
            where, text = finding.get("path", ""), finding.get("message", "")
            reasons.append(_reason(finding.get("rule", ""), where, text))
    for verdict in _objects(value.get("verdicts")):
        if verdict.get("passed") is False:
            text = f"expected {verdict.get('expected')}, seen {verdict.get('seen')}"
            where = verdict.get("name", "")
            reasons.append(_reason("verdict-failed", where, f"{where}: {text}"))
    stopped = value.get("stopped")
    if isinstance(stopped, str) and stopped:
        reasons.append(_reason(stopped, value.get("board", ""), f"stopped: {stopped}"))
    return reasons[:100]


def _objects(value: Data) -> list[Mapping[str, Data]]:
    if not isinstance(value, list | tuple):
        return []
    return [item for item in value if isinstance(item, Mapping)]


def _reason(code: Data, where: Data, message: Data) -> dict[str, Data]:
    return {"code": code, "where": where, "message": message, "hint": ""}


def _unexpected(runs: list[Child], wrong: list[Child], expected: str) -> StepError:
    """The error of a step whose sub-runs did not end as expected."""
    refused = expected == "done" and all(run.state == "refused" for run in wrong)
    reasons: list[Mapping[str, Data]] = []
    for run in wrong:
        error = run.error or {}
        below = error.get("reasons")
        own: Mapping[str, Data] = {**_reason(error.get("code", ""), "", ""), **error}
        reasons.extend(_objects(below) or ([own] if error else []))
    message = f"{len(wrong)} of {len(runs)} runs did not end {expected}"
    if len(runs) == 1 and wrong[0].error:
        message = str(wrong[0].error.get("message", message))
    code = "runs-refused" if refused else "runs-failed"
    return StepError(code, message, reasons=reasons)
