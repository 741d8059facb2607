"""Sub-pipelines: items, their failure, and the time they have."""

from __future__ import annotations

import threading
from typing import Any

from lockgate.values import Data
from tests.support.workflows import (
    EACH,
    SUB,
    FlakyError,
    Recorder,
    SmallHost,
    each,
    gives,
    make,
    on,
    pipeline,
    run,
    states,
    step,
)

# -- sub-pipelines ----------------------------------------------------------------


def test_a_sub_pipeline_runs_once_per_item_in_order() -> None:
    document, _ = each({"name": "a"}, {"name": "b"}, {"name": "c"})

    assert document["outputs"]["all"] == [
        {"name": "a", "at": 0},
        {"name": "b", "at": 1},
        {"name": "c", "at": 2},
    ]
    assert [sub["state"] for sub in document["steps"][0]["runs"]] == ["done"] * 3


def test_items_run_at_the_same_time_up_to_parallel() -> None:
    meeting = threading.Barrier(2, timeout=20)
    host = SmallHost({"p.generate": on(lambda a: [a["spec"], meeting.wait()])})
    document = run(
        """
        schema: 1
        name: t
        steps:
          - {id: s, foreach: [1, 2, 3, 4], parallel: 2, pipeline: sub.yaml}
        """,
        host,
        files={
            "sub.yaml": "{schema: 1, name: s, "
            "steps: [{id: a, hook: generate, with: {spec: 1}}]}"
        },
    )

    assert document["state"] == "done"
    assert host.most_running == 2


def test_an_item_that_fails_stops_no_other_and_the_finished_are_undone() -> None:
    document, recorder = each({"name": "a"}, {"name": "b", "fail": 1}, {"name": "c"})
    runs = document["steps"][0]["runs"]

    assert [sub["state"] for sub in runs] == ["done", "failed", "done"]
    assert [sub["steps"][0]["state"] for sub in runs] == [
        "compensated",
        "failed",
        "compensated",
    ]
    assert recorder.seen[-2:] == ["undo c", "undo a"]
    assert document["steps"][0]["state"] == "failed"
    assert document["error"]["code"] == "runs-failed"
    assert document["error"]["reasons"][0]["message"] == "b broke"


def test_a_later_failure_undoes_the_runs_inside_a_step() -> None:
    recorder = Recorder()
    text = EACH.replace("EXTRA", "") + "\n"
    text = text.replace("outputs:", f"  {make('late', extra=', fail: 1')}\noutputs:")
    document = run(text, recorder.host, {"names": [{"name": "a", "second": "z"}]}, SUB)

    assert recorder.seen == ["a", "z", "late", "undo a"]
    assert states(document)["late"] == "failed"


def test_refused_items_refuse_the_step_with_their_reasons() -> None:
    document, _ = each({"name": "a"}, {"name": "b", "refuse": 1})

    assert document["state"] == "refused"
    assert document["error"]["code"] == "runs-refused"
    assert [r["message"] for r in document["error"]["reasons"]] == ["b is wrong"]


def test_expected_refusals_are_done() -> None:
    document, _ = each({"name": "a", "refuse": 1}, extra="expect: refused")

    assert document["state"] == "done"
    assert document["steps"][0]["runs"][0]["state"] == "refused"
    assert document["steps"][0]["runs"][0]["error"]["reasons"]


def test_a_run_that_was_to_be_refused_and_was_not_fails_the_step() -> None:
    document, _ = each({"name": "a"}, extra="expect: refused")

    assert document["error"]["message"] == "1 of 1 runs did not end refused"
    assert document["state"] == "failed"


def test_a_sub_run_with_wrong_inputs_is_refused() -> None:
    recorder = Recorder()
    names: list[Data] = [{"name": "a", "second": "b"}, 5]
    document = run(EACH.replace("EXTRA", ""), recorder.host, {"names": names}, SUB)

    second = document["steps"][0]["runs"][1]
    assert second["state"] == "refused"
    assert second["error"]["reasons"][0]["where"] == "inputs.spec"


def test_fail_when_of_a_foreach_looks_at_each_run() -> None:
    document, _ = each({"name": "a"}, extra="fail_when: answer.outputs.name == 'a'")

    assert document["error"]["code"] == "condition-met"
    assert document["steps"][0]["runs"][0]["steps"][0]["state"] == "compensated"


def test_items_are_cancelled_when_a_parallel_step_fails() -> None:
    started, failed = threading.Event(), threading.Event()

    def generate(spec: Any) -> Any:
        if spec == "bad":
            assert started.wait(20)
            failed.set()
            raise FlakyError("bad")
        started.set()
        assert failed.wait(20)
        return spec

    document = run(
        """
        schema: 1
        name: t
        steps:
          - {id: many, needs: [], foreach: [1, 2, 3], pipeline: sub.yaml}
          - {id: bad, needs: [], hook: generate, with: {spec: bad}}
        """,
        SmallHost({"p.generate": generate}),
        files={
            "sub.yaml": "{schema: 1, name: s, steps: ["
            "{id: a, hook: generate, with: {spec: 1}},"
            "{id: b, hook: generate, with: {spec: 2}}]}"
        },
    )
    runs = step(document, "many")["runs"]

    assert document["error"]["message"] == "bad"
    assert runs[-1]["state"] == "cancelled"
    assert runs[-1]["steps"] == []


def test_foreach_asks_for_a_list_of_bounded_length() -> None:
    for names, code in (([1] * 300, "step-limit"), ("text", "foreach-invalid")):
        text = EACH.replace("EXTRA", "").replace("type: list", "type: NAMES")
        text = text.replace("NAMES", "list" if isinstance(names, list) else "string")
        document = run(text, Recorder().host, {"names": names}, SUB)

        assert document["error"]["code"] == code


def test_steps_of_all_runs_together_are_bounded() -> None:
    recorder = Recorder()
    names: list[Data] = [{"name": str(n), "second": "x"} for n in range(20)]
    document = run(
        EACH.replace("EXTRA", ""), recorder.host, {"names": names}, SUB, budget=10
    )

    assert document["state"] == "failed"
    assert "step-limit" in {reason["code"] for reason in document["error"]["reasons"]}
    assert len([name for name in recorder.seen if not name.startswith("undo")]) <= 9


def test_a_step_reads_the_files_beside_its_own_pipeline() -> None:
    host = SmallHost({"p.generate": on(lambda a: a["spec"])})
    sub = "schema: 1\nname: s\nsteps: [{id: a, hook: generate, with: {spec: X}}]\n"
    sub += 'outputs: {text: "${steps.a.value}"}'
    document = run(
        """
        schema: 1
        name: t
        steps: [{id: s, pipeline: parts/sub.yaml}]
        outputs: {text: "${steps.s.value.text}"}
        """,
        host,
        files={
            "parts/sub.yaml": sub.replace("X", "\"${files['spec.yaml']}\""),
            "parts/spec.yaml": "a: 1",
            "spec.yaml": "another",
        },
    )

    assert document["outputs"] == {"text": "a: 1"}


# -- time ---------------------------------------------------------------------------


def test_a_timeout_is_handed_to_the_host() -> None:
    recorder = Recorder()
    run(
        pipeline("- {id: a, hook: generate, timeout: 7, with: {spec: {name: a}}}"),
        recorder.host,
    )

    assert recorder.host.calls[0][2] == 7


def test_without_a_timeout_the_hooks_own_stands() -> None:
    recorder = Recorder()
    run(pipeline("- {id: a, hook: generate, with: {spec: {name: a}}}"), recorder.host)

    assert recorder.host.calls[0][2] is None


def test_the_time_of_a_sub_pipeline_bounds_each_call_in_it() -> None:
    document, recorder = each({"name": "a"}, extra="timeout: 50")
    timeouts = [timeout for _, _, timeout in recorder.host.calls]

    assert document["state"] == "done"
    assert all(timeout is not None and 0 < timeout <= 50 for timeout in timeouts)


def test_when_the_time_of_a_sub_pipeline_is_over_nothing_more_is_called() -> None:
    slow = threading.Event()
    calls: list[int] = []

    def generate(spec: Any) -> Any:
        calls.append(1)
        slow.wait(0.3)
        return spec

    text = EACH.replace("EXTRA", "timeout: 0.2")
    host = SmallHost({"p.generate": generate, "p.complete": gives(1)})
    document = run(text, host, {"names": [{"name": "a", "second": "b"}]}, SUB)

    assert document["error"]["reasons"][0]["code"] == "run-timeout"
    assert len(calls) < 2
