"""Runs that fail: what is cancelled, what is undone, what is given all the same."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.support.workflows import (
    FlakyError,
    Recorder,
    SmallHost,
    make,
    pipeline,
    run,
    states,
    step,
)

# -- failure ----------------------------------------------------------------------


def test_completed_steps_are_undone_last_first() -> None:
    recorder = Recorder()
    document = run(
        pipeline(make("a"), make("b"), make("c", extra=", fail: 1"), make("d")),
        recorder.host,
    )

    assert recorder.seen == ["a", "b", "c", "undo b", "undo a"]
    assert states(document) == {
        "a": "compensated",
        "b": "compensated",
        "c": "failed",
        "d": "cancelled",
    }
    assert document["error"]["message"] == "c broke"
    assert step(document, "a")["compensation"]["state"] == "done"


def test_an_error_while_undoing_is_recorded_and_hides_nothing() -> None:
    recorder = Recorder()
    document = run(
        pipeline(make("a"), make("broken"), make("c", extra=", fail: 1")), recorder.host
    )

    assert recorder.seen == ["a", "broken", "c", "undo broken", "undo a"]
    assert states(document)["broken"] == "done"
    assert step(document, "broken")["compensation"]["error"]["message"] == "cannot undo"
    assert step(document, "a")["state"] == "compensated"
    assert document["error"]["message"] == "c broke"


def test_what_runs_when_another_fails_comes_to_its_end_and_is_undone() -> None:
    failed = threading.Event()
    undone: list[str] = []

    def generate(spec: Any) -> Any:
        if spec == "bad":
            failed.set()
            raise FlakyError("bad")
        assert failed.wait(20)
        return spec

    def undo(task: Any) -> Any:
        undone.append(task)
        return {}

    host = SmallHost({"p.generate": generate, "p.complete": undo})
    document = run(
        pipeline(
            "- {id: long, hook: generate, needs: [], with: {spec: long},"
            ' compensate: {hook: complete, with: {task: "${steps.long.value}"}}}',
            "- {id: bad, hook: generate, needs: [], with: {spec: bad}}",
            "- {id: after, hook: generate, needs: [long], with: {spec: after}}",
        ),
        host,
    )

    assert states(document) == {
        "long": "compensated",
        "bad": "failed",
        "after": "cancelled",
    }
    assert undone == ["long"]


def test_an_always_step_runs_after_the_failure_was_undone() -> None:
    recorder = Recorder()
    document = run(
        pipeline(
            make("a"),
            make("b", extra=", fail: 1"),
            make("c"),
            "- {id: last, hook: generate, always: true, with: {spec: {name: "
            '"${run.state} ${steps.c.state} ${steps.a.state}"}}}',
            outputs='{seen: "${steps.last.value.name}", lost: "${steps.a.value}"}',
        ),
        recorder.host,
    )

    assert recorder.seen[-1] == "failed cancelled compensated"
    assert document["state"] == "failed"
    assert document["outputs"] == {"seen": "failed cancelled compensated"}


def test_a_failed_run_gives_only_outputs_of_steps_that_stand() -> None:
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: {name: a}}}",
            make("b", extra=", fail: 1"),
            outputs='{a: "${steps.a.value.name}", b: "${steps.b.value.name}"}',
        ),
        Recorder().host,
    )

    assert document["outputs"] == {"a": "a"}


def test_an_output_without_a_value_fails_the_run() -> None:
    document = run(
        pipeline(
            "- {id: a, hook: generate, when: false, with: {spec: 1}}",
            outputs='{a: "${steps.a.value.name}"}',
        ),
        Recorder().host,
    )

    assert document["state"] == "failed"
    assert document["error"]["code"] == "expression-type"


def test_an_unforeseen_exception_is_a_state_too() -> None:
    def generate(spec: Any) -> Any:
        raise ZeroDivisionError(str(spec))

    document = run(
        pipeline("- {id: a, hook: generate, with: {spec: 1}}"),
        SmallHost({"p.generate": generate}),
    )

    assert document["error"]["code"] == "internal-error"
    assert "ZeroDivisionError" in document["error"]["message"]


def test_an_interruption_is_passed_on() -> None:
    def generate(spec: Any) -> Any:
        raise KeyboardInterrupt(spec)

    with pytest.raises(KeyboardInterrupt):
        run(
            pipeline("- {id: a, hook: generate, with: {spec: 1}}"),
            SmallHost({"p.generate": generate}),
        )
