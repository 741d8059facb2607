"""What is wrong with a pipeline is found before anything runs, all of it at once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.values import Tree
from lockgate_workflows.check import check
from lockgate_workflows.parse import parse
from lockgate_workflows.problems import Problems
from lockgate_workflows.sources import Source
from tests.support.workflows import problems_of

GOOD = """
schema: 1
name: good
inputs: {spec: {type: document}, count: {type: integer, default: 2}}
steps:
  - {id: a, hook: generate, with: {spec: "${inputs.spec}"}}
  - {id: b, hook: transform, with: {tree: "${steps.a.value.tree}"}}
outputs: {tree: "${steps.b.value.tree}"}
"""


def with_step(text: str) -> str:
    return GOOD.replace("outputs:", f"  - {text}\noutputs:")


def test_a_sound_pipeline_has_no_problem() -> None:
    assert problems_of(GOOD) == []


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            "{id: c, hook: genrate}",
            (
                "unknown-hook main.yaml:8: steps.c.hook: there is no hook 'genrate' "
                "(did you mean 'generate'?)"
            ),
        ),
        (
            "{id: c, hook: generate, with: {sepc: 1}}",
            (
                "unknown-argument main.yaml:8: steps.c.with.sepc: hook "
                "'generate' takes "
                "no argument 'sepc' (did you mean 'spec'?)"
            ),
        ),
        (
            "{id: c, hook: generate, plugin: fromat}",
            (
                "unknown-plugin main.yaml:8: steps.c.plugin: there is no plugin "
                "'fromat' "
                "(did you mean 'format'?)"
            ),
        ),
        (
            "{id: c, hook: generate, needs: [bb]}",
            (
                "unknown-step main.yaml:8: steps.c.needs: there is no step 'bb' "
                "(did you mean 'b'?)"
            ),
        ),
        (
            "{id: a, hook: generate}",
            "step-twice main.yaml:8: steps.a.id: there are two steps 'a'",
        ),
        (
            "{id: c, hook: generate, retires: 3}",
            (
                "unknown-key main.yaml:8: steps.c.retires: there is no key 'retires' "
                "(did you mean 'retry'?)"
            ),
        ),
        (
            '{id: c, hook: generate, with: {spec: "${steps.z.value}"}}',
            (
                "unknown-reference main.yaml:8: steps.c.with.spec: there is no "
                "step 'z' "
                "(there is: a, b, c)"
            ),
        ),
        (
            '{id: c, hook: generate, needs: [], with: {spec: "${steps.b.value}"}}',
            (
                "unordered-reference main.yaml:8: steps.c.with.spec: step 'b' is "
                "not sure "
                "to have ended before this one (add 'b' to 'needs')"
            ),
        ),
        (
            '{id: c, hook: generate, with: {spec: ["${steps.b.vlaue}"]}}',
            (
                "unknown-reference main.yaml:8: steps.c.with.spec[0]: a step has no "
                "'vlaue' (did you mean 'value'?)"
            ),
        ),
        (
            '{id: c, hook: generate, with: {spec: "${inputs.sepc}"}}',
            (
                "unknown-reference main.yaml:8: steps.c.with.spec: there is no input "
                "'sepc' (did you mean 'spec'?)"
            ),
        ),
        (
            "{id: c, hook: generate, when: answer.x == 1}",
            (
                "unknown-reference main.yaml:8: steps.c.when: there is no name "
                "'answer' "
                "here (there is: files, inputs, run, steps)"
            ),
        ),
        (
            "{id: c, hook: generate, when: 1 +}",
            (
                "expression-syntax main.yaml:8: steps.c.when: column 3: '+' has no "
                "meaning here"
            ),
        ),
        (
            '{id: c, hook: generate, when: "${inputs.count}"}',
            (
                "expression-syntax main.yaml:8: steps.c.when: column 1: '$' has no "
                "meaning here (a condition is written without ${ })"
            ),
        ),
        (
            "{id: c, hook: generate, with: {spec: 'x ${inputs.'}}",
            (
                "expression-syntax main.yaml:8: steps.c.with.spec: column 12: a name "
                "must follow '.', there is the end"
            ),
        ),
        (
            "{id: c}",
            (
                "pipeline-invalid main.yaml:8: steps.c: a step has either 'hook' or "
                "'pipeline'"
            ),
        ),
        (
            "{hook: generate}",
            "pipeline-invalid main.yaml:8: steps[2]: the key 'id' is missing",
        ),
        (
            "{id: 'a b', hook: generate}",
            (
                "pipeline-invalid main.yaml:8: steps.a b.id: 'a b' is no name "
                "(letters, "
                "digits, '_' and inner '-', not starting with a digit)"
            ),
        ),
        (
            "{id: c, hook: generate, retry: {attempts: 99}}",
            (
                "pipeline-invalid main.yaml:8: steps.c.retry.attempts: a number from 1 "
                "to 10 is asked for"
            ),
        ),
        (
            "{id: c, hook: generate, timeout: soon}",
            (
                "pipeline-invalid main.yaml:8: steps.c.timeout: a number from 0.001 to "
                "3600 seconds is asked for"
            ),
        ),
        (
            "{id: c, hook: generate, expect: refuse}",
            (
                "pipeline-invalid main.yaml:8: steps.c.expect: one of done, refused, "
                "failed is asked for (did you mean 'refused'?)"
            ),
        ),
        (
            "{id: c, hook: generate, foreach: [1]}",
            (
                "pipeline-invalid main.yaml:8: steps.c.foreach: 'foreach' runs a "
                "sub-pipeline: name it with 'pipeline'"
            ),
        ),
        (
            "{id: c, hook: generate, parallel: 2}",
            (
                "pipeline-invalid main.yaml:8: steps.c: 'as' and 'parallel' belong to "
                "'foreach'"
            ),
        ),
        (
            "{id: c, hook: generate, compensate: {with: {}}}",
            (
                "pipeline-invalid main.yaml:8: steps.c.compensate: the key 'hook' is "
                "missing"
            ),
        ),
        (
            "just text",
            (
                "pipeline-invalid main.yaml:8: steps[2]: an object with keys is "
                "asked for "
                "here"
            ),
        ),
        (
            "{id: c, pipeline: gone.yaml}",
            (
                "pipeline-unreadable main.yaml:8: steps.c.pipeline: there is no file "
                "'gone.yaml' beside the pipeline"
            ),
        ),
    ],
)
def test_a_problem_names_code_place_and_way_out(step: str, expected: str) -> None:
    found = problems_of(with_step(step), plugins=("firmware", "format"))

    assert expected in found


def test_a_ring_is_named_step_by_step() -> None:
    found = problems_of(
        """
        schema: 1
        name: ring
        steps:
          - {id: x, hook: generate, needs: []}
          - {id: a, hook: generate, needs: [c]}
          - {id: b, hook: generate, needs: [a]}
          - {id: c, hook: generate, needs: [b, x]}
        """
    )

    assert found == [
        (
            "step-ring main.yaml:4: steps: steps wait for each other: a → c → b → a "
            "(take one out of 'needs')"
        )
    ]


def test_all_problems_are_reported_at_once() -> None:
    found = problems_of(
        """
        schema: 2
        name: 7 up
        stps: []
        inputs: {a: {type: integr}}
        outputs: {x: "${steps.q.value}"}
        steps: [{id: a, hook: gen}]
        """
    )

    assert [problem.split()[0] for problem in found] == [
        "pipeline-invalid",
        "pipeline-invalid",
        "pipeline-invalid",
        "unknown-key",
        "unknown-hook",
        "unknown-reference",
    ]


def test_a_compensation_may_read_its_own_step() -> None:
    step = (
        "{id: c, hook: generate, compensate: {hook: complete, "
        'with: {task: "${steps.c.value}"}}}'
    )

    assert problems_of(with_step(step)) == []


def test_a_step_may_not_read_itself() -> None:
    step = '{id: c, hook: generate, with: {spec: "${steps.c.value}"}}'

    assert "unordered-reference" in problems_of(with_step(step))[0]


# -- sub-pipelines ----------------------------------------------------------------

OUTER = """
schema: 1
name: outer
steps:
  - {id: s, pipeline: parts/sub.yaml, with: {spec: {}}}
"""


def sub(extra: str = "", inputs: str = "{spec: {type: document}}") -> dict[str, str]:
    steps = f"[{{id: a, hook: generate}}{extra}]"
    return {
        "parts/sub.yaml": f"{{schema: 1, name: sub, inputs: {inputs}, steps: {steps}}}"
    }


def test_sub_pipelines_are_checked_too_with_their_own_place() -> None:
    files = sub(", {id: b, hook: nope}")

    assert [problem[:54] for problem in problems_of(OUTER, files)] == [
        "unknown-hook parts/sub.yaml:1: steps.b.hook: there is "
    ]


def test_a_sub_pipelines_inputs_are_held_against_what_it_is_given() -> None:
    found = problems_of(OUTER, sub(inputs="{sepc: {type: document}}"))

    assert [problem.split(":")[0].split()[0] for problem in found] == [
        "unknown-input",
        "input-missing",
    ]


def test_a_sub_pipeline_is_named_relative_to_its_own_file() -> None:
    files = sub(", {id: b, pipeline: more.yaml}")
    files["parts/more.yaml"] = sub(inputs="{}")["parts/sub.yaml"]

    assert problems_of(OUTER, files) == []


def test_a_pipeline_that_runs_itself_is_refused() -> None:
    files = sub(", {id: b, pipeline: sub.yaml, with: {spec: {}}}")

    assert (
        "pipelines nest at most 4 deep and never in a ring"
        in (problems_of(OUTER, files)[0])
    )


def test_pipelines_nest_to_a_bounded_depth_whichever_way_they_are_reached() -> None:
    def link(at: int) -> str:
        return f"{{id: s, pipeline: p{at}.yaml}}"

    def chain(count: int) -> dict[str, str]:
        return {
            f"p{at}.yaml": "{schema: 1, name: p, steps: [%s]}"
            % (link(at + 1) if at + 1 < count else "{id: a, hook: generate}")
            for at in range(count)
        }

    text = "schema: 1\nname: t\nsteps:\n- %s\n- {id: z, pipeline: p0.yaml}"

    assert problems_of(text % link(2), chain(3)) == []
    assert "pipeline-nesting" in problems_of(text % link(2), chain(4))[0]
    assert "pipeline-nesting" in problems_of(text % link(0), chain(60))[0]


def test_a_broken_sub_pipeline_is_named_with_its_line() -> None:
    found = problems_of(OUTER, {"parts/sub.yaml": "schema: 1\nname: [a\n"})

    assert found[0].startswith("pipeline-unreadable parts/sub.yaml:3: no YAML")


def test_a_file_that_is_read_must_be_there() -> None:
    step = "{id: c, hook: generate, with: {spec: \"${files['spec.yml']}\"}}"
    files = {"spec.yaml": "a: 1"}

    assert (
        "there is no file 'spec.yml' beside the pipeline (did you mean 'spec.yaml'?)"
        in (problems_of(with_step(step), files)[0])
    )
    assert problems_of(with_step(step.replace("yml", "yaml")), files) == []


# -- any document -------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        "schema",
        "name",
        "inputs",
        "steps",
        "outputs",
        "id",
        "hook",
        "pipeline",
        "with",
        "needs",
        "when",
        "foreach",
        "as",
        "type",
        "retry",
        "attempts",
        "compensate",
        "parallel",
        "default",
        "fail_when",
    ]
)
WORDS = st.sampled_from(
    ["a", "b", "generate", "${steps.a.value}", "${", "sub.yaml", ""]
)
documents: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 3)
    | st.floats()
    | st.text(max_size=3)
    | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=30,
)


@given(documents)
def test_any_document_is_judged_without_an_exception(document: Any) -> None:
    problems = Problems()
    check(parse(Source(document), problems), problems, files=Tree(), plugins=())

    assert len(problems) > 0 or document["schema"] == 1
    assert all(str(problem) for problem in problems)


@given(st.lists(documents, min_size=1, max_size=5))
def test_any_list_of_steps_is_judged_without_an_exception(steps: list[Any]) -> None:
    problems = Problems()
    document: Any = {"schema": 1, "name": "t", "steps": steps}
    check(parse(Source(document), problems), problems, files=Tree(), plugins=())

    assert problems.reasons() is not None
