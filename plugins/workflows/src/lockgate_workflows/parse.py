"""A document to a `Pipeline`: its form alone, every fault collected."""

from __future__ import annotations

from typing import get_args

from lockgate.expression import Expression
from lockgate.values import Data
from lockgate_workflows.fields import Fields
from lockgate_workflows.model import (
    Call,
    Expected,
    Input,
    InputType,
    Pipeline,
    Retry,
    Step,
)
from lockgate_workflows.problems import Place, Problems
from lockgate_workflows.sources import Source

__all__ = ["parse"]

STEP_LIMIT = 100
"""Steps of one pipeline; more belong into sub-pipelines."""
INPUT_LIMIT = 64
ATTEMPT_LIMIT = 10
PARALLEL_LIMIT = 8
TIMEOUT_LIMIT_SECONDS = 3_600
DELAY_LIMIT_MS = 60_000

DEFAULT_FAIL_WHEN = {
    "analyze": "any(answer.findings, item.severity == 'error')",
    "simulate": "not answer.passed",
}
"""What makes an answer of these hooks a failure unless the step says otherwise."""


_TEXT: InputType = "string"


def parse(source: Source, problems: Problems) -> Pipeline:
    """Read a pipeline; what can't be read is noted in `problems` and left out."""
    place = Place(source.file, (), "", source.lines)
    fields = Fields(source.document, place, problems)
    if fields.raw("schema") != 1:
        fields.fault("this schema is unknown", "schema", "write schema: 1")
    name = fields.name("name")
    fields.text("summary")
    inputs = _inputs(fields)
    steps = _steps(fields)
    outputs = fields.object("outputs")
    fields.done()
    return Pipeline(name, source.file, place, inputs, steps, outputs)


def _inputs(fields: Fields) -> dict[str, Input]:
    place = fields.place.below("inputs")
    raw = fields.object("inputs")
    if len(raw) > INPUT_LIMIT:
        fields.fault(f"at most {INPUT_LIMIT} inputs", "inputs")
        return {}
    return {
        name: _input(name, Fields(value, place.below(name), fields.problems))
        for name, value in raw.items()
    }


def _input(name: str, fields: Fields) -> Input:
    kinds: tuple[InputType, ...] = get_args(InputType)
    if "type" not in fields:
        fields.fault("the key 'type' is missing", hint=f"one of {', '.join(kinds)}")
    kind: InputType = fields.choice("type", kinds, _TEXT)
    default = fields.raw("default")
    summary = fields.text("summary") or ""
    fields.done()
    return Input(name, kind, default is None, default, summary)


def _steps(fields: Fields) -> tuple[Step, ...]:
    raw = fields.items("steps")
    place = fields.place.below("steps")
    if not raw:
        fields.fault("a pipeline has at least one step", "steps")
        return ()
    if len(raw) > STEP_LIMIT:
        hint = "move some into a sub-pipeline"
        fields.fault(f"a pipeline has at most {STEP_LIMIT} steps", "steps", hint)
        return ()
    steps: list[Step] = []
    for at, value in enumerate(raw):
        before = steps[-1].id if steps else ""
        steps.append(_step(_labelled(value, place, at, fields.problems), before))
    return tuple(steps)


def _labelled(value: Data, place: Place, at: int, problems: Problems) -> Fields:
    """The step's fields, shown to a reader under its id where it has one."""
    named = value.get("id") if isinstance(value, dict) else None
    label = named if isinstance(named, str) and named.isprintable() else f"[{at}]"
    return Fields(value, place.below(at, label[:64]), problems)


def _step(fields: Fields, before: str) -> Step:
    name = fields.name("id")
    call, pipeline = _work(fields)
    foreach = _foreach(fields, pipeline)
    step = Step(
        id=name,
        place=fields.place,
        needs=_needs(fields, before),
        call=call,
        pipeline=pipeline,
        given={} if call else fields.object("with"),
        when=fields.condition("when"),
        foreach=foreach,
        item=fields.name("as") if "as" in fields else "item",
        parallel=fields.count("parallel", PARALLEL_LIMIT),
        retry=_retry(fields),
        timeout=fields.number("timeout", 0.001, TIMEOUT_LIMIT_SECONDS, " seconds"),
        fail_when=_fail_when(fields, call),
        expect=fields.choice("expect", _EXPECTED, _EXPECTED[0]),
        compensate=_compensate(fields),
        optional=fields.flag("optional"),
        always=fields.flag("always"),
    )
    if foreach is None and ("as" in fields or "parallel" in fields):
        fields.fault("'as' and 'parallel' belong to 'foreach'")
    fields.done()
    return step


_EXPECTED: tuple[Expected, ...] = get_args(Expected)


def _work(fields: Fields) -> tuple[Call | None, str | None]:
    has_hook, has_pipeline = "hook" in fields, "pipeline" in fields
    if has_hook == has_pipeline:
        fields.fault("a step has either 'hook' or 'pipeline'")
    pipeline = fields.text("pipeline")
    if has_pipeline:
        if "plugin" in fields:
            fields.fault("'plugin' belongs to 'hook'", "plugin")
        fields.raw("hook")
        return None, pipeline
    return _call(fields), None


def _call(fields: Fields) -> Call | None:
    hook = fields.text("hook")
    plugin = fields.text("plugin")
    arguments = fields.object("with")
    timeout = fields.number("timeout", 0.001, TIMEOUT_LIMIT_SECONDS, " seconds")
    if hook is None:
        return None
    return Call(hook, plugin, arguments, timeout, fields.place)


def _foreach(fields: Fields, pipeline: str | None) -> Data:
    value = fields.raw("foreach")
    if value is None:
        return None
    if pipeline is None:
        fields.fault(
            "'foreach' runs a sub-pipeline: name it with 'pipeline'", "foreach"
        )
    if isinstance(value, str) and not value.startswith("${"):
        hint = "a list, or a template such as ${inputs.specs}"
        fields.fault("'foreach' asks for a list", "foreach", hint)
    elif not isinstance(value, str | list):
        fields.fault("'foreach' asks for a list", "foreach")
    return value


def _needs(fields: Fields, before: str) -> tuple[str, ...]:
    if "needs" not in fields:
        fields.raw("needs")
        return (before,) if before else ()
    needs: list[str] = []
    for at, value in enumerate(fields.items("needs") or ()):
        if isinstance(value, str):
            needs.append(value)
        else:
            place = fields.place.below("needs").below(at)
            fields.problems.add("pipeline-invalid", place, "the id of a step is a text")
    return tuple(dict.fromkeys(needs))


def _retry(fields: Fields) -> Retry:
    if "retry" not in fields:
        fields.raw("retry")
        return Retry()
    retry = Fields(fields.raw("retry"), fields.place.below("retry"), fields.problems)
    attempts = retry.count("attempts", ATTEMPT_LIMIT)
    delay = retry.number("delay_ms", 0, DELAY_LIMIT_MS, " ms") or 0
    backoff = retry.number("backoff", 1, 10) or 1
    retry.done()
    return Retry(attempts, delay / 1000, backoff)


def _fail_when(fields: Fields, call: Call | None) -> Expression | None:
    given = fields.condition("fail_when")
    if "fail_when" in fields or call is None:
        return given
    default = DEFAULT_FAIL_WHEN.get(call.hook)
    return Expression.parse(default) if default else None


def _compensate(fields: Fields) -> Call | None:
    if "compensate" not in fields:
        fields.raw("compensate")
        return None
    place = fields.place.below("compensate")
    compensate = Fields(fields.raw("compensate"), place, fields.problems)
    call = _call(compensate)
    if call is None and "hook" not in compensate:
        compensate.fault("the key 'hook' is missing")
    compensate.done()
    return call
