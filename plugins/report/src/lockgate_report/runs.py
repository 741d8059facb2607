"""A run document to a `Page`: which runs become sections, and what sums them up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lockgate.values import Data
from lockgate_report.chart import chart
from lockgate_report.head import plugins, totals, verdict
from lockgate_report.model import (
    Board,
    Completion,
    Finding,
    Page,
    Section,
    Simulation,
    Step,
)
from lockgate_report.parts import (
    Budget,
    artifacts,
    call,
    completion,
    diff_lines,
    finding,
    note,
    reasons,
    simulation,
)
from lockgate_report.reading import (
    Fields,
    is_fields,
    number,
    objects,
    text,
    texts,
)
from lockgate_report.units import count, seconds

__all__ = ["is_run", "page"]

RUN_LIMIT = 60
LOOK_LIMIT = 2_000
STEP_LIMIT = 120
DEPTH_LIMIT = 4
ROW_LIMIT = 500


def is_run(document: Data) -> bool:
    """Whether `document` is a run document."""
    return (
        is_fields(document)
        and document.get("schema") == 1
        and isinstance(document.get("steps"), list | tuple)
        and isinstance(document.get("state"), str)
        and isinstance(document.get("name"), str)
    )


def page(document: Fields) -> Page:
    """The page of a run document."""
    runs = list(islice(_leaves(document, "", 0), LOOK_LIMIT))
    alone = runs[0][0] is document
    said, rest = ({}, ()) if alone else _advice(document)
    budget = Budget()
    sections = tuple(
        _section(run, expected, index, budget, said.get(id(run), ()))
        for index, (run, expected) in enumerate(runs[:RUN_LIMIT])
    )
    outer = [] if alone else objects(document, "steps")[:STEP_LIMIT]
    own = tuple(_step(step) for step in outer if not objects(step, "runs"))
    left = len(runs) - RUN_LIMIT
    state = text(document, "state", 20)
    return Page(
        title=text(document, "name", 120),
        state=state,
        verdict=verdict(state, sections),
        detail="" if alone else text(document.get("error"), "message"),
        totals=totals(number(document, "seconds") or 0.0, sections),
        sections=sections,
        steps=own,
        completions=rest,
        plugins=plugins(sections, own),
        chart=chart(sections, own, number(document, "started") or 0.0),
        cut=(f"{count(left, 'more run')} not shown.",) if left > 0 else (),
    )


def _advice(
    document: Fields,
) -> tuple[dict[int, tuple[Completion, ...]], tuple[Completion, ...]]:
    """What assistants said of single runs, by the run's identity; and the rest.

    A step speaks of a run if it needs the step that started that one run.
    """
    about = {
        text(step, "id", 80): id(runs[0])
        for step in objects(document, "steps")
        if len(runs := objects(step, "runs")) == 1
    }
    found: dict[int, tuple[Completion, ...]] = {}
    rest: list[Completion] = []
    for step in objects(document, "steps")[:STEP_LIMIT]:
        said = [
            completion(value, text(answer, "plugin", 80))
            for answer in objects(step, "answers")
            if text(step, "hook", 40) == "complete"
            and is_fields(value := answer.get("value"))
        ]
        run = next((about[n] for n in texts(step, "needs") if n in about), None)
        if run is None:
            rest.extend(said)
        else:
            found[run] = (*found.get(run, ()), *said)
    return found, tuple(rest)


def _leaves(run: Fields, expected: str, depth: int) -> Iterator[tuple[Fields, str]]:
    """The runs that called plugins themselves, outer ones only if nothing is inside."""
    inner = [
        (sub, text(step, "expect", 20))
        for step in objects(run, "steps")
        for sub in objects(step, "runs")
    ]
    if not inner or depth >= DEPTH_LIMIT:
        yield run, expected
    for sub, wanted in inner if depth < DEPTH_LIMIT else ():
        yield from _leaves(sub, wanted, depth + 1)


def _answers(run: Fields, hook: str) -> Iterator[tuple[Fields, Fields]]:
    """Each answer to `hook` with its value, in order."""
    for step in objects(run, "steps")[:STEP_LIMIT]:
        if text(step, "hook", 40) == hook:
            for answer in objects(step, "answers"):
                value = answer.get("value")
                if is_fields(value):
                    yield answer, value


def _section(
    run: Fields,
    expected: str,
    index: int,
    budget: Budget,
    said: Sequence[Completion],
) -> Section:
    contract = _contract(run)
    error = run.get("error")
    values = [
        value
        for hook in ("generate", "transform", "analyze", "simulate")
        for _, value in _answers(run, hook)
    ]
    notes = [note(each) for value in values for each in objects(value, "notes")]
    findings = _findings(run)
    took = number(run, "seconds") or 0.0
    return Section(
        anchor=f"run-{index + 1}",
        title=_title(run, contract),
        pipeline=text(run, "name", 80),
        state=text(run, "state", 20),
        expected=expected,
        board=_board(run, contract),
        took=seconds(took),
        started=number(run, "started") or 0.0,
        seconds=took,
        targets=tuple(target for value in values for target in texts(value, "targets")),
        error=text(error, "message"),
        reasons=reasons(error),
        simulations=_simulations(run, contract),
        artifacts=artifacts(_trees(run, values), budget),
        notes=tuple(notes[:ROW_LIMIT]),
        findings=tuple(findings[:ROW_LIMIT]),
        completions=(*_completions(run), *said),
        diff=tuple(line for value in values for line in diff_lines(value.get("diff"))),
        steps=tuple(_step(step) for step in objects(run, "steps")[:STEP_LIMIT]),
        cut=_cut(len(notes), len(findings)),
    )


def _findings(run: Fields) -> list[Finding]:
    """All findings, the worst first."""
    order = {"error": 0, "warning": 1, "note": 2}
    found = [
        finding(each)
        for _, value in _answers(run, "analyze")
        for each in objects(value, "findings")
    ]
    return sorted(found, key=lambda each: order[each.severity])


def _simulations(run: Fields, contract: Fields) -> tuple[Simulation, ...]:
    """All simulations, their pictures on one axis."""
    answers = list(_answers(run, "simulate"))
    times = [number(value, "duration_us") or 0.0 for _, value in answers]
    axis = max(times, default=0.0)
    return tuple(
        simulation(value, contract, text(answer, "plugin", 80), axis)
        for answer, value in answers
    )


def _completions(run: Fields) -> Iterator[Completion]:
    for answer, value in _answers(run, "complete"):
        yield completion(value, text(answer, "plugin", 80))


def _board(run: Fields, contract: Fields) -> Board:
    board = contract.get("board")
    platform = text(contract, "platform", 40) or text(_spec(run), "platform", 40)
    return Board(text(board, "name", 80), text(board, "mcu", 40), platform)


def _cut(notes: int, findings: int) -> tuple[str, ...]:
    counted = ((notes, "note"), (findings, "finding"))
    return tuple(
        f"{count(n - ROW_LIMIT, f'more {word}', f'more {word}s')} not shown."
        for n, word in counted
        if n > ROW_LIMIT
    )


def _contract(run: Fields) -> Fields:
    for _, value in _answers(run, "generate"):
        contract = value.get("contract")
        if is_fields(contract) and contract:
            return contract
    return {}


def _spec(run: Fields) -> Fields:
    inputs = run.get("inputs")
    spec = inputs.get("spec") if is_fields(inputs) else None
    return spec if is_fields(spec) else {}


def _title(run: Fields, contract: Fields) -> str:
    spec = _spec(run)
    return (
        text(contract, "title", 120)
        or text(spec, "device_name", 120)
        or text(run, "name", 120)
    )


def _trees(run: Fields, values: Sequence[Fields]) -> Iterator[tuple[str, Data]]:
    """Every tree that the run gave: whole ones first, then the summaries."""
    outputs = run.get("outputs")
    for name, value in outputs.items() if is_fields(outputs) else ():
        if is_fields(value) and objects(value, "files"):
            yield "" if name == "tree" else name[:40], value
    for value in reversed(values):
        yield "", value.get("tree")
        yield "artifacts", value.get("artifacts")


def _step(fields: Fields) -> Step:
    error = fields.get("error")
    took = number(fields, "seconds") or 0.0
    hook, pipeline = text(fields, "hook", 60), text(fields, "pipeline", 120)
    undone = fields.get("compensation")
    return Step(
        id=text(fields, "id", 80),
        what=hook or pipeline,
        state=text(fields, "state", 20),
        note=text(fields, "note", 200),
        started=number(fields, "started") or 0.0,
        seconds=took,
        took=seconds(took),
        attempts=int(number(fields, "attempts") or 0),
        calls=tuple(call(answer) for answer in objects(fields, "answers")[:50]),
        error=text(error, "message"),
        hint=text(error, "hint"),
        compensation=text(undone, "state", 20),
    )
