"""Other systems: importing works, nothing untrusted starts, the message says why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lockgate_sandbox
from lockgate_sandbox import _platform
from tests.support.elsewhere import command

SYSTEMS = pytest.mark.parametrize("system", ["darwin", "win32"])
NAMES = {"darwin": "macOS", "win32": "Windows"}


def there(system: str, code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code as on another system."""
    return subprocess.run(
        command(system, code),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
    )


def cli(system: str, cwd: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as on another system."""
    code = (
        f"import sys\nfrom lockgate_sandbox.cli import main\nsys.exit(main({argv!r}))"
    )
    return there(system, code, cwd)


@SYSTEMS
def test_every_public_name_can_be_imported(system: str, tmp_path: Path) -> None:
    names = ", ".join(lockgate_sandbox.__all__)
    done = there(system, f"from lockgate_sandbox import {names}\nprint(5)", tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")


@SYSTEMS
def test_policies_are_the_same_everywhere(system: str, tmp_path: Path) -> None:
    code = """
from lockgate_sandbox import Policy
from lockgate_sandbox.explain import explain
policy = Policy.for_tier("elevated", read=["/srv"])
assert Policy.from_dict(policy.to_dict()) == policy
print(explain(policy).tier)
"""
    done = there(system, code, tmp_path)

    assert (done.stdout, done.stderr) == ("elevated\n", "")


@SYSTEMS
@pytest.mark.parametrize(
    "use",
    [
        "Sandbox.open()",
        "run_python('1')",
        "Interpreter.open()",
        "probe()",
        "backend.open_confinement()",
        "backend.open_confinement('linux')",
    ],
)
def test_what_needs_the_kernel_is_refused_with_the_way_out(
    system: str, use: str, tmp_path: Path
) -> None:
    code = f"""
import json
from lockgate_sandbox import *
from lockgate_sandbox import backend
try:
    {use}
except SandboxError as error:
    print(json.dumps([type(error).__name__, error.code, str(error), error.hint]))
"""
    done = there(system, code, tmp_path)

    assert done.stderr == ""
    name, error, message, hint = json.loads(done.stdout)
    assert (name, error) == ("PlatformError", "platform-unsupported")
    assert message.startswith(f"nothing untrusted runs on {NAMES[system]}: ")
    assert "run it on Linux" in hint
    assert "backend.register" in hint


@SYSTEMS
def test_the_command_line_helps_and_refuses(system: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("print('it ran')")

    for verb in ([], ["run"], ["learn"], ["policy"], ["doctor"]):
        done = cli(system, tmp_path, *verb, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert "usage: lockgate-sandbox" in done.stdout
    refused = cli(system, tmp_path, "run", "--report", "r.json", "x.py")
    assert (refused.returncode, refused.stdout) == (125, "")
    assert "[platform-unsupported]" in refused.stderr
    assert "hint: run it on Linux" in refused.stderr
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["error"]["code"] == "platform-unsupported"
    refused = cli(system, tmp_path, "learn", "--out", "p.json", "x.py")
    assert (refused.returncode, refused.stdout) == (125, "")
    assert "[platform-unsupported]" in refused.stderr
    assert not (tmp_path / "p.json").exists()


@SYSTEMS
def test_the_doctor_says_it_at_once(system: str, tmp_path: Path) -> None:
    text = cli(system, tmp_path, "doctor")
    data = cli(system, tmp_path, "doctor", "--json")

    assert (text.returncode, text.stdout) == (125, "")
    assert NAMES[system] in text.stderr
    assert data.returncode == 125
    assert json.loads(data.stdout)["error"]["code"] == "platform-unsupported"


@SYSTEMS
def test_policies_are_printed_there(system: str, tmp_path: Path) -> None:
    done = cli(system, tmp_path, "policy", "show", "--tier", "basic", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tier"] == "basic"


def test_linux_on_another_machine_is_refused_by_name(tmp_path: Path) -> None:
    code = """
import os
real = os.uname()
os.uname = lambda: os.uname_result((*real[:4], "riscv64"))
from lockgate_sandbox import Sandbox, SandboxError
try:
    Sandbox.open()
except SandboxError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.stdout.startswith("nothing untrusted runs on Linux on riscv64: ")
    assert done.stderr == ""


def test_here_nothing_stands_in() -> None:
    assert _platform.refusal() is None
    assert lockgate_sandbox.Sandbox.__module__ == "lockgate_sandbox.sandbox"
