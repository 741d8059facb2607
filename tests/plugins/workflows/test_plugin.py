"""The hooks, called through the real host: real plugins in real sealed workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import lockgate_workflows.host as needed
from lockgate.errors import InputRefusedError
from lockgate.host import Host, Progress
from lockgate.values import Tree
from lockgate_workflows.hooks import known_hooks

PIPELINE: dict[str, Any] = {
    "schema": 1,
    "name": "tidy",
    "inputs": {"tree": {"type": "tree"}},
    "steps": [
        {
            "id": "format",
            "hook": "transform",
            "plugin": "format",
            "with": {"tree": "${inputs.tree}", "options": {}},
        },
        {
            "id": "page",
            "hook": "generate",
            "plugin": "report",
            "with": {"spec": "${run}", "targets": ["html"]},
        },
    ],
    "outputs": {
        "tree": "${steps.format.value.tree}",
        "page": "${steps.page.value.tree}",
    },
}
UGLY = {"files": [{"path": "a.py", "content": b"x   =  1\n", "executable": False}]}


@pytest.fixture(scope="module")
def told() -> list[Progress]:
    return []


@pytest.fixture(scope="module")
def host(told: list[Progress]) -> Iterator[Host]:
    with Host.open(on_progress=told.append) as found:
        yield found


def test_the_real_host_is_what_the_runner_asks_for(host: Host) -> None:
    asked: needed.Host = host

    assert "workflows" in {plugin.name for plugin in asked.plugins()}


def test_every_hook_of_the_host_can_be_a_step() -> None:
    from lockgate._specs.spec import specs

    assert {
        name: tuple(argument.name for argument in spec.arguments)
        for name, spec in specs().items()
    } == {name: hook.arguments for name, hook in known_hooks().items()}


@pytest.mark.kernel
def test_a_pipeline_runs_sealed_plugins_and_reports_itself(
    host: Host, told: list[Progress]
) -> None:
    answers = host.call(
        "run_pipeline", pipeline=PIPELINE, inputs={"tree": UGLY}, files=Tree()
    )
    document: Any = answers.first

    assert document["state"] == "done", document["error"]
    assert document["outputs"]["tree"]["files"][0]["content"] == b"x = 1\n"
    assert b"<!doctype html>" in document["outputs"]["page"]["files"][0]["content"]
    answer = document["steps"][0]["answers"][0]
    assert (answer["plugin"], answer["tier"]) == ("format", "elevated")
    assert "landlock" in {layer["name"] for layer in answer["posture"]["layers"]}
    assert answer["value"]["tree"]["files"][0].keys() == {"path", "bytes", "sha256"}
    assert "format: done" in {progress.message for progress in told}
    assert told[-1].fraction == pytest.approx(1.0)


def test_a_pipeline_that_could_not_run_is_refused_with_every_problem(
    host: Host,
) -> None:
    steps = "  - {id: a, hook: genrate}\n  - {id: a, hoook: x}\n"
    text = f"schema: 1\nname: bad\nsteps:\n{steps}"
    document: Any = {
        "schema": 1,
        "name": "bad",
        "steps": [{"id": "a", "hook": "genrate"}, {"id": "a", "hoook": "x"}],
    }
    with pytest.raises(InputRefusedError) as caught:
        host.call("run_pipeline", pipeline=document, files=Tree.of({"bad.yaml": text}))

    found = {(reason.code, reason.where) for reason in caught.value.reasons}
    assert ("unknown-hook", "bad.yaml:4: steps.a.hook") in found
    assert ("unknown-key", "bad.yaml:5: steps.a.hoook") in found


def test_a_plugin_that_is_not_installed_is_a_problem_before_anything_runs(
    host: Host,
) -> None:
    step = {"id": "a", "hook": "generate", "plugin": "firmwear"}
    document: Any = {"schema": 1, "name": "t", "steps": [step]}
    with pytest.raises(InputRefusedError) as caught:
        host.call("run_pipeline", pipeline=document)

    assert caught.value.reasons[0].hint == "did you mean 'firmware'?"


def test_wrong_inputs_refuse_the_run(host: Host) -> None:
    with pytest.raises(InputRefusedError) as caught:
        host.call("run_pipeline", pipeline=PIPELINE, inputs={"three": 3})

    assert [reason.code for reason in caught.value.reasons] == [
        "unknown-input",
        "input-missing",
    ]


def test_check_pipeline_lists_problems_and_runs_nothing(host: Host) -> None:
    document: Any = {"schema": 1, "name": "t", "steps": [{"id": "a", "hook": "nope"}]}

    assert host.call("check_pipeline", pipeline=PIPELINE).first == ()
    (problem,) = host.call("check_pipeline", pipeline=document).first
    assert problem.startswith("steps.a.hook: there is no hook 'nope'")
