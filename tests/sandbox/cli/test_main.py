"""The command line as a whole: help, version, usage, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    """``python -m lockgate_sandbox ARGV``."""
    return subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_version() -> None:
    done = run("--version")

    assert done.returncode == 0
    assert done.stdout.startswith("lockgate-sandbox ")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "VERB is missing: run, learn, policy, doctor, scan, completion"),
        (["rum"], "invalid choice: 'rum'"),
        (["rum"], "hint: did you mean run?"),
        (["x.py"], "hint: did you mean lockgate-sandbox run x.py?"),
        (["run", "--tier", "basik", "x.py"], "hint: did you mean basic?"),
        (["run", "--memory", "much", "x.py"], "'much' is no size"),
        (["run", "--wall", "0", "x.py"], "is no number of seconds above 0"),
        (["run", "--wal", "1", "x.py"], "unrecognized arguments: --wal"),
        (["run", "--wal", "1", "x.py"], "hint: did you mean --wall"),
        (["run", "--memroy=1M", "x.py"], "hint: did you mean --memory?"),
        (["run", "--qqq", "x.py"], "hint: see lockgate-sandbox run --help"),
        (["run", "--timeout", "3", "x.py"], "hint: did you mean --wall?"),
        (["run", "--net=a.test", "x.py"], "hint: did you mean --allow-net?"),
        (["run", "--allow-exec", "ls", "x.py"], "hint: a file run this way starts no"),
        (["run", "--json", "x.py"], "hint: did you mean --report FILE?"),
        (["policy", "show", "--jsn"], "hint: did you mean --json or --env?"),
        (["doctor", "--str"], "hint: did you mean --strict?"),
    ],
    ids=str,
)
def test_usage_is_status_2_and_says_what_is_wrong(argv: list[str], said: str) -> None:
    done = run(*argv)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    mistake, hint = done.stderr.splitlines()
    assert mistake.startswith("lockgate-sandbox")
    assert hint.startswith("  hint: ")


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from lockgate_sandbox.cli import main
try:
    main(["--help"])
except SystemExit:
    heavy = {"asyncio", "ctypes", "httpx", "importlib.metadata", "msgspec"}
    print(heavy & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert done.stderr == "set()\n"
