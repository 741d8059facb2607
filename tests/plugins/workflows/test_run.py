"""Runs that end well: order, parallel branches, context, the run document."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.workflows import (
    EACH,
    SUB,
    Recorder,
    SmallHost,
    gives,
    make,
    on,
    pipeline,
    run,
    states,
    step,
)

# -- order and context ----------------------------------------------------------


def test_a_value_of_ten_doubled_is_twenty_in_two_steps() -> None:
    host = SmallHost(
        {
            "p.generate": on(lambda a: a["spec"]),
            "p.complete": on(lambda a: a["task"]["value"] * 2),
        }
    )
    document = run(
        """
        schema: 1
        name: double
        inputs: {value: {type: integer}}
        steps:
          - {id: take, hook: generate, with: {spec: {value: "${inputs.value}"}}}
          - {id: twice, hook: complete, with: {task: "${steps.take.value}"}}
        outputs: {value: "${steps.twice.value}", text: "= ${steps.twice.value}"}
        """,
        host,
        {"value": 10},
    )

    assert document["state"] == "done"
    assert document["outputs"] == {"value": 20, "text": "= 20"}
    assert states(document) == {"take": "done", "twice": "done"}


def test_read_keep_sum_gives_twelve() -> None:
    host = SmallHost(
        {
            "p.generate": on(lambda a: list(range(1, a["spec"]["n"] + 1))),
            "p.transform": on(
                lambda a: [n for n in a["tree"] if n > a["options"]["over"]]
            ),
            "p.complete": on(lambda a: sum(a["task"])),
        }
    )
    document = run(
        """
        schema: 1
        name: sum
        steps:
          - {id: read, hook: generate, with: {spec: {n: 5}}}
          - id: keep
            hook: transform
            with: {tree: "${steps.read.value}", options: {over: 2}}
          - {id: total, hook: complete, with: {task: "${steps.keep.value}"}}
        outputs: {sum: "${steps.total.value}"}
        """,
        host,
    )

    assert document["outputs"] == {"sum": 12}


def test_the_run_document_has_its_documented_keys() -> None:
    document = run(pipeline(make("a")), Recorder().host)

    assert set(document) == {
        "schema", "name", "state", "started", "seconds", "inputs", "steps",
        "outputs", "error",
    }  # fmt: skip
    assert set(document["steps"][0]) == {
        "id", "hook", "plugin", "pipeline", "needs", "state", "note", "expect",
        "started", "seconds", "attempts", "answers", "failures", "error",
        "compensation", "runs",
    }  # fmt: skip
    assert set(document["steps"][0]["answers"][0]) == {
        "plugin", "version", "tier", "seconds", "posture", "denials", "output", "value",
    }  # fmt: skip


def test_independent_branches_run_at_the_same_time() -> None:
    """Each branch waits for the other: run one by one they would never meet."""
    meeting = threading.Barrier(2, timeout=20)
    host = SmallHost({"p.generate": on(lambda a: [a["spec"], meeting.wait()])})
    document = run(
        pipeline(
            "- {id: a, hook: generate, needs: [], with: {spec: 1}}",
            "- {id: b, hook: generate, needs: [], with: {spec: 2}}",
            "- {id: c, hook: complete, needs: [a, b], optional: true, with: {}}",
        ),
        host,
    )

    assert states(document) == {"a": "done", "b": "done", "c": "skipped"}
    assert host.most_running == 2


def test_steps_stand_in_the_order_of_the_file_whatever_ends_first() -> None:
    late = threading.Event()

    def generate(spec: Any) -> Any:
        if spec == "slow":
            assert late.wait(20)
        else:
            late.set()
        return spec

    document = run(
        pipeline(
            "- {id: slow, hook: generate, needs: [], with: {spec: slow}}",
            "- {id: fast, hook: generate, needs: [], with: {spec: fast}}",
        ),
        SmallHost({"p.generate": generate}),
    )

    assert list(states(document)) == ["slow", "fast"]


graphs = st.integers(2, 7).flatmap(
    lambda count: st.tuples(
        *(st.sets(st.integers(0, max(0, at - 1)), max_size=at) for at in range(count)),
        st.sets(st.integers(0, count - 1), max_size=1),
    )
)


@settings(max_examples=60, deadline=None)
@given(graphs)
def test_in_any_graph_needs_come_first_and_failure_spreads_no_further(
    graph: tuple[Any, ...],
) -> None:
    *needs, failing = graph
    recorder = Recorder()
    lines = [
        make(
            f"s{at}",
            extra=", fail: 1" if at in failing else "",
            needs=f", needs: [{', '.join(f's{n}' for n in sorted(wanted))}]",
        )
        for at, wanted in enumerate(needs)
    ]
    document = run(pipeline(*lines), recorder.host)
    started = [name for name in recorder.seen if not name.startswith("undo")]
    undone = [name[5:] for name in recorder.seen if name.startswith("undo")]

    for at, wanted in enumerate(needs):
        if f"s{at}" in started:
            for need in wanted:
                assert started.index(f"s{need}") < started.index(f"s{at}")
                assert need not in failing
    assert document["state"] == ("failed" if failing else "done")
    found = states(document)
    assert set(undone) == {
        name for name, state in found.items() if state == "compensated"
    }
    assert "done" not in found.values() or not failing
    assert set(started) == {n for n, state in found.items() if state != "cancelled"}


# -- what the document holds --------------------------------------------------------


def test_trees_are_summarised_in_records_and_whole_in_outputs() -> None:
    tree = {"files": [{"path": "a.py", "content": b"hello", "executable": False}]}
    document = run(
        pipeline(
            "- {id: a, hook: generate, with: {spec: 1}}",
            outputs='{tree: "${steps.a.value.tree}"}',
        ),
        SmallHost({"p.generate": gives({"tree": tree, "notes": [1]})}),
    )
    value = document["steps"][0]["answers"][0]["value"]

    assert document["outputs"]["tree"] is tree
    assert value["notes"] == [1]
    assert value["tree"]["files"] == [
        {
            "path": "a.py",
            "bytes": 5,
            "sha256": hashlib.sha256(b"hello").hexdigest(),
        }
    ]


def test_a_step_can_be_given_the_run_so_far() -> None:
    document = run(
        pipeline(
            make("a"),
            '- {id: report, hook: generate, with: {spec: {name: "x", run: "${run}"}}}',
        ),
        SmallHost(
            {"p.generate": on(lambda a: a["spec"].get("run")), "q.generate": gives(1)}
        ),
    )
    seen = step(document, "report")["answers"][0]["value"]

    assert seen["state"] == "done"
    assert [s["id"] for s in seen["steps"]] == ["a"]


def test_progress_grows_to_one_and_names_each_step() -> None:
    told: list[tuple[str, float | None]] = []
    recorder = Recorder()
    run(
        EACH.replace("EXTRA", ""),
        recorder.host,
        {"names": [{"name": "a", "second": "x"}, {"name": "b", "second": "y"}]},
        SUB,
        progress=lambda message, fraction: told.append((message, fraction)),
    )
    fractions = [fraction for _, fraction in told if fraction is not None]

    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    assert "each 1/2 › first: done" in {message for message, _ in told}
