"""One step: condition, attempts, what makes an answer a failure, what is expected."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.workflows import (
    FlakyError,
    Recorder,
    SmallHost,
    gives,
    on,
    pipeline,
    run,
    states,
    step,
)

# -- conditions and attempts ------------------------------------------------------


def test_a_false_condition_skips_the_step_and_what_needs_it_runs() -> None:
    host = SmallHost({"p.generate": on(lambda a: a.get("spec", 2))})
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: [x]}}",
            "- {id: b, when: '\"y\" in steps.a.value', hook: generate, with: {}}",
            "- {id: c, when: steps.b.state == 'skipped', hook: generate, with: {}}",
        ),
        host,
    )

    assert states(document) == {"a": "done", "b": "skipped", "c": "done"}
    assert document["state"] == "done"
    assert '"y" in steps.a.value' in step(document, "b")["note"]


def test_a_condition_without_a_value_fails_the_step() -> None:
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: {}}}",
            "- {id: b, hook: generate, when: steps.a.value.missing, with: {spec: 1}}",
        ),
        SmallHost({"p.generate": on(lambda a: {"found": a["spec"]})}),
    )

    assert step(document, "b")["error"]["code"] == "expression-name"
    assert document["state"] == "failed"


@pytest.mark.parametrize(("attempts", "state"), [(3, "done"), (2, "failed")])
def test_a_failing_call_is_tried_again(attempts: int, state: str) -> None:
    tries: list[int] = []

    def generate(spec: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise FlakyError(f"try {len(tries)}")
        return {"tries": len(tries), "spec": spec}

    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: 1},"
            f" retry: {{attempts: {attempts}, delay_ms: 1, backoff: 2}}}}"
        ),
        SmallHost({"p.generate": generate}),
    )

    assert (document["state"], document["steps"][0]["attempts"]) == (state, attempts)


def test_an_answer_that_fails_its_condition_is_tried_again() -> None:
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: 1}, fail_when: not answer.ok,"
            " retry: {attempts: 2}}"
        ),
        SmallHost({"p.generate": gives({"ok": False}, {"ok": True})}),
    )

    assert document["state"] == "done"
    assert [a["value"] for a in document["steps"][0]["answers"]] == [{"ok": True}]


def test_a_refusal_is_not_tried_again() -> None:
    recorder = Recorder()
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: {name: a, refuse: 1}},"
            " retry: {attempts: 5}}"
        ),
        recorder.host,
    )

    assert recorder.seen == ["a"]
    assert document["state"] == "refused"
    assert document["error"]["reasons"] == [
        {"code": "bad", "where": "spec", "message": "a is wrong", "hint": "mend it"}
    ]
    assert document["error"]["step"] == "a"
    assert step(document, "a")["state"] == "refused"


REPORT = {
    "findings": [
        {"path": "x.py", "rule": "E1", "severity": "error", "message": "broken"},
        {"path": "x.py", "rule": "W1", "severity": "warning", "message": "odd"},
    ]
}


def test_an_analysis_with_an_error_fails_by_itself() -> None:
    host = SmallHost({"p.analyze": gives(REPORT)})
    document = run(pipeline("- {id: a, hook: analyze, with: {tree: 1}}"), host)
    error = document["steps"][0]["error"]

    assert (error["code"], error["message"]) == ("condition-met", "p: broken")
    assert [reason["code"] for reason in error["reasons"]] == ["E1"]
    assert document["steps"][0]["answers"][0]["value"] == REPORT


def test_fail_when_false_lets_an_analysis_pass() -> None:
    host = SmallHost({"p.analyze": gives(REPORT)})
    text = "- {id: a, hook: analyze, with: {tree: 1}, fail_when: false}"

    assert run(pipeline(text), host)["state"] == "done"


def test_a_simulation_that_does_not_pass_fails_by_itself() -> None:
    verdict = {"name": "edges", "passed": False, "expected": "4", "seen": "0"}
    value = {"passed": False, "verdicts": [verdict], "stopped": "", "board": "virtual"}
    host = SmallHost({"p.simulate": gives(value)})
    document = run(pipeline("- {id: a, hook: simulate, with: {tree: 1}}"), host)

    assert document["error"]["message"] == "p: edges: expected 4, seen 0"


def test_no_answer_fails_unless_the_step_is_optional() -> None:
    host = SmallHost({"p.generate": gives(None)})
    document = run(pipeline("- {id: a, hook: generate, with: {spec: 1}}"), host)
    optional = run(
        pipeline("- {id: a, hook: generate, optional: true, with: {spec: 1}}"), host
    )

    assert document["error"]["code"] == "no-answer"
    assert states(optional) == {"a": "skipped"}


def test_a_missing_plugin_skips_an_optional_step() -> None:
    text = "- {id: a, hook: generate, plugin: gone, optional: true, with: {spec: 1}}"

    assert states(run(pipeline(text), Recorder().host)) == {"a": "skipped"}


@pytest.mark.parametrize(
    ("spec", "expect", "state"),
    [
        ("refuse: 1", "refused", "done"),
        ("fail: 1", "failed", "done"),
        ("fail: 1", "refused", "failed"),
        ("refuse: 1", "failed", "refused"),
        ("fine: 1", "refused", "failed"),
    ],
)
def test_an_expected_end_counts_as_done(spec: str, expect: str, state: str) -> None:
    document = run(
        pipeline(
            f"- {{id: a, hook: generate, with: {{spec: {{name: a, {spec}}}}},"
            f" expect: {expect}}}"
        ),
        Recorder().host,
    )

    assert document["state"] == state
    if state == "done":
        assert step(document, "a")["note"] == f"{expect}, as expected"
        assert step(document, "a")["error"] is not None
