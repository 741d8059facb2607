"""``docs/reference/sandbox.md`` names every public name of the sandbox."""

from __future__ import annotations

import inspect

import pytest

import lockgate_sandbox
from lockgate_sandbox import Interpreter, Sandbox, SandboxError, Worker, WorkerPool
from tests.meta.workspace import ROOT

REFERENCE = ROOT / "docs" / "reference"
PAGES = "\n".join(
    path.read_text("utf-8") for path in sorted(REFERENCE.glob("sandbox*.md"))
)
PAGE = (REFERENCE / "sandbox.md").read_text("utf-8")
NOT_FOR_CALLERS = {"finish", "meet", "line"}


@pytest.mark.parametrize("name", lockgate_sandbox.__all__)
def test_a_public_name_is_in_the_reference(name: str) -> None:
    assert f"`{name}" in PAGES or f"{name}(" in PAGES


@pytest.mark.parametrize("kind", [Sandbox, Worker, WorkerPool, Interpreter])
def test_what_a_class_offers_is_in_the_reference(kind: type) -> None:
    offered = {
        name
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_")
        and (inspect.isroutine(member) or isinstance(member, property))
    }
    missing = [n for n in offered - NOT_FOR_CALLERS if f"{n}(" not in PAGE]

    assert [name for name in missing if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in lockgate_sandbox.__all__
        if name.endswith("Error") and name != "SandboxError"
    ],
)
def test_an_error_is_there_with_its_code(name: str) -> None:
    error: type[SandboxError] = getattr(lockgate_sandbox, name)

    assert f"`{error.code}`" in PAGE or error.code == "limit"
