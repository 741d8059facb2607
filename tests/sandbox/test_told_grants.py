"""What a text was refused, with a way that leads out each time and not in circles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate_sandbox import Policy, Program, Sandbox, run_python
from lockgate_sandbox._wire.remedy import grant_for, way_out
from lockgate_sandbox.results import Denial
from tests.support.sandbox import open_folder

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def opened() -> Iterator[Sandbox]:
    with Sandbox.open() as sandbox:
        yield sandbox


def denials(
    sandbox: Sandbox, source: str, policy: Policy | str, **options: list[str]
) -> list[Denial]:
    return list(run_python(source, policy, sandbox=sandbox, **options).denials)  # type: ignore[arg-type] # pyright: ignore


def test_a_text_that_has_a_folder_is_not_told_to_ask_for_its_tier(
    opened: Sandbox,
) -> None:
    source = "open('/tmp/not_there_at_all', 'w')"
    (own,) = denials(opened, source, "basic")
    assert own.grant.startswith("none: it has a folder of its own")
    (none,) = denials(opened, source, "read-only")
    assert none.grant == "tier basic: a folder of its own"
    error = run_python(source, "basic", sandbox=opened).error
    assert error is not None
    assert "`tempfile`" in error.hint
    assert "write=" not in error.hint


def test_a_relative_name_without_a_folder_is_told_of_tier_basic(
    opened: Sandbox,
) -> None:
    (none,) = denials(opened, "open('a.txt', 'w')", "read-only")
    assert none.grant == "tier basic: a folder of its own"
    assert denials(opened, "open('a.txt', 'w').close()", "basic") == []


def test_no_hint_names_a_right_that_the_tier_can_not_carry() -> None:
    message = "[Errno 13] Permission denied: '/etc/passwd'"
    for tier in ("read-only", "basic", "elevated", "admin"):
        hint = way_out("PermissionError", message, Policy.for_tier(tier))
        given = tier if tier == "admin" else "elevated"
        assert f"Policy.for_tier('{given}', write=['/etc/passwd'])" in hint


def test_what_is_there_to_be_read_can_not_only_be_made(tmp_path: Path) -> None:
    place = tmp_path / "absent"
    message = f"[Errno 13] Permission denied: '{place}'"
    hint = way_out("PermissionError", message, Policy.for_tier("basic"))
    assert hint == f"to make it: Policy.for_tier('elevated', write=['{tmp_path}'])"


def test_a_host_that_is_named_is_the_only_denial_of_the_network(
    opened: Sandbox,
) -> None:
    source = "import urllib.request as u; u.urlopen('http://127.0.0.1:9/')"
    (net,) = denials(opened, source, "basic")
    assert net.grant == "hosts=('127.0.0.1:9',)"
    (bare,) = denials(opened, "import socket; socket.socket()", "basic")
    assert bare.grant == "hosts=('HOST:PORT',)"


def test_a_file_is_told_of_the_network_and_of_modes_as_a_text_is(
    opened: Sandbox,
) -> None:
    source = """
import contextlib, urllib.request
with contextlib.suppress(OSError):
    urllib.request.urlopen("http://127.0.0.1:9/")
with contextlib.suppress(OSError):
    open("MINE")
"""
    with open_folder() as folder:
        mine, script = folder / "mine", folder / "script.py"
        mine.touch(0)
        script.write_text(source.replace("MINE", str(mine)))
        given = Policy.for_tier("basic", read=[str(mine)])
        told = opened.run_file(given, script).denials
    (net,) = [item for item in told if item.right == "net"]
    assert net.grant == "hosts=('127.0.0.1:9',)"
    (read,) = [item for item in told if item.right == "read"]
    assert read.grant.startswith("none: it is granted, and its own mode (----------)")


def test_what_lies_below_a_granted_root_is_granted(opened: Sandbox) -> None:
    source = "open('/etc/passwd').close()"
    (refused,) = denials(opened, source, "basic")
    assert refused.right == "read"
    assert denials(opened, source, Policy.for_tier("basic", read=["/"])) == []


def test_a_database_is_a_file_that_is_refused(opened: Sandbox) -> None:
    source = "import sqlite3; sqlite3.connect('/srv/there_is_none.db')"
    (made,) = denials(opened, source, "basic")
    assert (made.right, made.grant) == ("write", "write=('/srv',)")
    source = "import sqlite3; sqlite3.connect('/etc/passwd')"
    (read,) = denials(opened, source, "basic")
    assert (read.right, read.grant) == ("read", "read=('/etc/passwd',)")
    source = "import sqlite3\nsqlite3.connect(':memory:')\nsqlite3.connect('own.db')"
    assert denials(opened, source, "basic") == []


def test_a_program_is_granted_as_one(opened: Sandbox) -> None:
    source = "import subprocess; subprocess.run(['/bin/true']).returncode"
    (refused,) = denials(opened, source, "elevated")
    assert refused.grant == "programs=(Program('true', '/bin/true'),)"
    granted = Policy.for_tier("elevated", programs=[Program("true", "/bin/true")])
    assert run_python(source, granted, sandbox=opened).check().value == 0


def test_a_program_without_a_place_is_the_hosts_to_run() -> None:
    policy = Policy.for_tier("basic")
    assert grant_for("program", "true", policy).startswith("none: give it a function")
    assert grant_for("program", "/no/such/thing", policy).startswith("none: ")


def test_a_session_comes_with_a_broker_and_an_absent_folder_is_told(
    opened: Sandbox,
) -> None:
    (none,) = denials(opened, "from lockgate_session import session", "basic")
    assert none.grant == "broker=Broker(policy)"
    (absent,) = denials(opened, "import thing", "basic", path=["/nowhere/at/all"])
    assert absent.grant == "none: '/nowhere/at/all' of `path` does not exist"


def test_a_secret_without_a_value_is_told_where_values_come_from(
    opened: Sandbox,
) -> None:
    policy = Policy.for_tier("elevated", secrets=["TOKEN"])
    source = "from lockgate_session import session\nsession.secret('TOKEN')"
    result = run_python(source, policy, sandbox=opened)
    assert [item.grant for item in result.denials] == [
        "Broker(policy, secrets={'TOKEN': VALUE})"
    ]
    assert "secrets={'TOKEN': VALUE}" in str(result.error)
