"""Derived rights beside granted ones."""

from __future__ import annotations

from lockgate_sandbox import Policy, Program
from lockgate_sandbox.source import Derived, Right, compare_rights, rights, scan_source


def derived(source: str) -> Derived:
    return rights(scan_source(source))


def test_rights_come_from_findings_with_their_subjects() -> None:
    found = derived(
        "import os, subprocess, socket\n"
        "os.environ['HOME']; os.getenv('LANG')\n"
        "subprocess.run(['git'])\n"
        "open('/data/x', 'w')\n"
    )

    assert found.rights == {Right.ENV, Right.NET, Right.PROGRAM, Right.WRITE}
    assert dict(found.subjects)[Right.ENV] == ("HOME", "LANG")
    assert dict(found.subjects)[Right.PROGRAM] == ("git",)
    assert dict(found.subjects)[Right.WRITE] == ("/data/x",)
    assert not found.blind
    assert found.to_dict()["rights"] == ["env", "net", "program", "write"]


def test_computing_needs_nothing() -> None:
    assert derived("import json, re\nprint(json.dumps([1]))").rights == frozenset()


def test_code_that_cannot_be_read_makes_the_answer_blind() -> None:
    assert derived("exec(text)").blind
    assert derived("import ctypes").blind


def test_what_is_used_and_not_granted_is_missing() -> None:
    source = "import socket, subprocess, os\nopen('a', 'w')\nos.environ['A']"

    found = compare_rights(derived(source), Policy.for_tier("read-only"))

    assert found.missing == ("env", "net", "program", "write")
    assert found.unused == ()
    assert found.variables == ("A",)


def test_what_is_granted_and_not_used_is_unused() -> None:
    policy = Policy.for_tier(
        "elevated",
        write=["/data"],
        programs=[Program("git", "/usr/bin/git")],
        env={"A": "1"},
    )

    found = compare_rights(derived("x = 1"), policy)

    assert found.missing == ()
    assert found.unused == ("env", "process", "program", "write")


def test_a_variable_that_is_set_is_not_missing() -> None:
    policy = Policy.for_tier("basic", env={"A": "1"})

    found = compare_rights(derived("import os\nos.environ['A']"), policy)

    assert (found.missing, found.variables, found.blind) == ((), (), False)


def test_a_broker_carries_out_rights_too() -> None:
    policy = Policy.for_tier("admin", hosts=["api.example.com"])
    tools = [Program("git", "/usr/bin/git")]
    admin = Policy.for_tier("admin", tools=tools)

    assert compare_rights(derived("import socket"), policy).missing == ()
    assert "net" in compare_rights(derived("x = 1"), policy).unused
    assert compare_rights(derived("import subprocess"), admin).missing == ()
