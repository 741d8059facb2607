"""What the pages on pipelines and expressions say is what the code does."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import lockgate.expression
from lockgate.expression import Expression, ExpressionError, Template, render
from tests.support.workflows import problems_of

DOCS = Path(__file__).parents[3] / "docs"
CODE = Path(lockgate.expression.__file__).parent
RUNNER = Path(__file__).parents[3] / "plugins" / "workflows" / "src"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_reference_example_is_a_sound_pipeline() -> None:
    assert problems_of(blocks("reference/pipelines.md", "yaml")[0]) == []


def test_the_how_to_grows_into_a_sound_pipeline() -> None:
    first, branches, _options, many, report = blocks(
        "how-to/write-a-pipeline.md", "yaml"
    )
    start, outputs = first.split("outputs:")
    whole = start + branches + report

    assert problems_of(f"{start}outputs:{outputs}") == []
    assert problems_of(whole) == []
    head = "schema: 1\nname: many\ninputs: {specs: {type: documents}}\n"
    assert problems_of(head + many, {"tidy.yaml": whole}) == []


def test_every_key_of_a_step_is_described() -> None:
    text = (DOCS / "reference/pipelines.md").read_text("utf-8")
    parse = "".join(file.read_text("utf-8") for file in RUNNER.rglob("parse.py"))
    keys = set(re.findall(r'fields\.\w+\(\s*"(\w+)"', parse))

    assert len(keys) > 20
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_every_code_is_described() -> None:
    text = (DOCS / "reference/pipelines.md").read_text("utf-8")
    sources = "".join(file.read_text("utf-8") for file in RUNNER.rglob("*.py"))
    found = re.findall(r'(?:StepError|problems\.add|Reason)\(\s*"([a-z-]+)"', sources)
    found += re.findall(r'_problems\.add\(\s*"([a-z-]+)"', sources)

    assert len(set(found)) > 15
    assert [code for code in sorted(set(found)) if f"`{code}`" not in text] == []


def test_every_code_of_an_expression_is_described() -> None:
    text = (DOCS / "reference/expressions.md").read_text("utf-8")
    sources = "".join(f.read_text("utf-8") for f in CODE.glob("*expression*.py"))

    for code in set(re.findall(r'"(expression-[a-z]+)"', sources)):
        assert f"`{code}`" in text


def test_the_python_of_the_reference_gives_what_it_says() -> None:
    names = {
        "Expression": Expression,
        "ExpressionError": ExpressionError,
        "Template": Template,
        "render": render,
    }
    (block,) = blocks("reference/expressions.md", "python")
    checked = 0
    for line in block.splitlines():
        code, _, expected = line.partition("  # ")
        if expected:
            checked += 1
            assert repr(eval(code, names)) == expected.strip()  # noqa: S307
        elif line and not line.startswith("from"):
            exec(code, names)

    assert checked == 4
    assert doctest.testmod(lockgate.expression).failed == 0
