"""Tools of a text: functions of its host, and what is told of one that fails."""

from __future__ import annotations

import os

import pytest

from lockgate_sandbox import (
    Interpreter,
    PolicyError,
    RemoteError,
    Sandbox,
    run_python,
)

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("tool()", "ValueError: tool(): missing a required argument: 'n'"),
        ("tool('deny')", "PermissionError: not yours"),
        ("tool(object())", "NotDataError: objects of type object can't cross"),
        ("tool('break')", "HostCallError: the host's callback failed (RuntimeError)"),
    ],
)
def test_an_error_of_a_tool_reads_as_the_code_would_catch_it(
    sandbox: Sandbox, code: str, told: str
) -> None:
    def tool(n: str) -> None:
        if n == "deny":
            raise PermissionError("not yours")
        raise RuntimeError("mine alone")

    error = run_python(code, tools={"tool": tool}, sandbox=sandbox).error

    assert str(error) == told
    assert error is not None
    helped = "callback failed" in told or "can't cross" in told
    assert bool(error.hint) == helped


def test_a_coroutine_function_is_no_tool() -> None:
    async def later() -> int:
        return 1

    with pytest.raises(PolicyError, match="the tool later is a coroutine") as refused:
        run_python("later()", tools={"later": later})

    assert "asyncio.run" in refused.value.hint


def test_tools_are_functions_of_the_host(sandbox: Sandbox) -> None:
    seen: list[int] = []

    def search(query: str, limit: int = 3) -> list[str]:
        seen.append(os.getpid())
        return [query] * limit

    with Interpreter.open(tools={"search": search}, sandbox=sandbox) as python:
        assert python.run("search('a')").value == ["a"] * 3
        assert python.run("search('a', 1)").value == ["a"]
        assert python.run("search(limit=2, query='b')").value == ["b"] * 2
        error = python.run("search(limit=2)").error
        assert isinstance(error, RemoteError)
        assert error.message == "search(): missing a required argument: 'query'"
        assert "two values" in str(python.run("search('a', query='b')").error)
    assert set(seen) == {os.getpid()}


def test_a_tool_that_fails_tells_no_secret(sandbox: Sandbox) -> None:
    def tool() -> None:
        msg = "password=hunter2"
        raise RuntimeError(msg)

    result = run_python("tool()", tools={"tool": tool}, sandbox=sandbox)

    assert isinstance(result.error, RemoteError)
    assert "hunter2" not in result.error.traceback
