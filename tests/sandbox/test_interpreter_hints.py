"""What is told of a text's mistakes: what can't cross, what is not there, who died."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import pytest

from lockgate_sandbox import (
    Data,
    Interpreter,
    PolicyError,
    Sandbox,
    WorkerDiedError,
    run_python,
)

pytestmark = pytest.mark.kernel


def test_what_has_a_type_of_its_own_is_given_without_a_cast(
    python: Interpreter,
) -> None:
    rows: list[int] = [1, 2]
    named: dict[str, tuple[float, ...]] = {"a": (0.5,)}
    given = {"numbers": array("d", [2.0])}  # a checker that takes no such thing says so

    result = python.run(
        "sum(rows) + named['a'][0]", inputs={"rows": rows, "named": named}
    )

    assert result.value == 3.5
    assert python.run("numbers[0]", inputs=given).value == 2.0


@dataclass
class Settings:
    """What must not cross by the way."""

    password: str = "kept"


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (object(), "inputs['x']: objects of type object"),
        ([1, {"a": {2}}], "inputs['x'][1]['a']: objects of type set"),
        ({"a": {"b": [Settings()]}}, "inputs['x']['a']['b'][0]: objects of type Set"),
        ({"a": {1: 2}}, "inputs['x']['a']: a key is not a string: 1"),
    ],
)
def test_an_input_that_is_no_data_is_refused_with_its_place(
    python: Interpreter, value: Data, place: str
) -> None:
    with pytest.raises(PolicyError) as refused:
        python.run("repr(x)", inputs={"x": value})

    assert place in str(refused.value)
    assert "str(a_path)" in refused.value.hint
    assert python.run("1").value == 1


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("input()", "it has no standard input: give it `inputs`"),
        ("import os; os.environ['ACME_KEY']", "os.environ['ACME_KEY']"),
        ("{}['ACME_KEY']", ""),
        ("raise EOFError('of a file')", ""),
    ],
)
def test_what_a_program_finds_at_home_is_told_of(
    python: Interpreter, source: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "value")

    error = python.run(source).error

    assert error is not None
    assert hint in error.hint
    assert bool(hint) == bool(error.hint)


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("import os; os.kill(os.getpid(), 11)", "native code in it crashed"),
        ("import os; os._exit(3)", "its code ended the process"),
        ("import os; os.kill(os.getpid(), 9)", "somebody killed it"),
    ],
)
def test_a_process_that_died_is_told_with_what_may_lie_behind(
    sandbox: Sandbox, source: str, hint: str
) -> None:
    error = run_python(source, sandbox=sandbox).error

    assert isinstance(error, WorkerDiedError)
    assert error.hint.startswith(hint)
