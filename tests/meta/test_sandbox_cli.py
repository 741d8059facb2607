"""The sandbox's command line is the one that its pages describe."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from lockgate_sandbox.cli import VERBS
from lockgate_sandbox.cli._complaint import INVALID, REFUSED
from tests.meta import sandbox_cli_page
from tests.meta.workspace import ROOT
from tests.support.sandbox import open_folder

PAGE = sandbox_cli_page.PAGE.read_text("utf-8")
REPORT = (ROOT / "docs" / "reference" / "sandbox-report.md").read_text("utf-8")
SECRET = "open('/etc/passwd')"


def run(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``python -m lockgate_sandbox ARGV``."""
    return subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
    )


def test_the_tables_are_those_that_argparse_makes() -> None:
    made = sandbox_cli_page.render(PAGE)

    assert made == PAGE, "run `python -m tests.meta.sandbox_cli_page`"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_section_and_is_in_the_synopsis(verb: str) -> None:
    assert f"\n## `lockgate-sandbox {verb}`\n" in PAGE
    assert f"lockgate-sandbox {verb} " in PAGE.partition("```\n")[0]


@pytest.mark.parametrize("words", sandbox_cli_page.commands())
def test_every_option_has_a_help_line(words: str) -> None:
    parser = sandbox_cli_page.commands()[words]

    assert [a.dest for a in parser._actions if not a.help] == []
    assert parser.description


@pytest.mark.parametrize("status", [0, 1, 2, INVALID, 124, REFUSED, 137])
def test_every_status_is_documented(status: int) -> None:
    assert re.search(rf"^\| {status} \| ", PAGE, re.MULTILINE)


@pytest.mark.parametrize("words", sandbox_cli_page.commands())
def test_help_is_printed_by_each_command(words: str, tmp_path: Path) -> None:
    done = run(*words.split(), "--help", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: lockgate-sandbox {words} ")


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["policy", "show", "--policy", "gone", "--json"], INVALID),
        (["policy", "diff", "gone", "basic", "--json"], INVALID),
        (["scan", "--json", "gone"], 2),
    ],
    ids=str,
)
def test_with_json_an_error_is_all_that_is_printed(
    argv: list[str], status: int, tmp_path: Path
) -> None:
    done = run(*argv, cwd=tmp_path)

    assert done.returncode == status
    assert done.stderr == ""
    assert set(json.loads(done.stdout)["error"]) == {"code", "message", "hint"}


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("code", "options", "status"),
    [
        ("print(1)", [], 0),
        (SECRET, ["--tier", "basic"], 1),
        ("while True: pass", ["--wall", "0.3"], 124),
        ("while True: pass", ["--cpu", "1"], 137),
        ("bytearray(1 << 30)", [], 1),
        ("import os; os.kill(os.getpid(), 11)", [], 139),
        ("pass", ["--allow-read", "gone"], 125),
        ("pass", ["--policy", "gone"], 125),
    ],
)
def test_a_report_is_what_its_schema_says(
    code: str, options: list[str], status: int
) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", REPORT, re.MULTILINE | re.DOTALL)
    schema = json.loads(block)
    with open_folder() as folder:
        (folder / "x.py").write_text(code)
        done = run("run", "--report", "r.json", *options, "x.py", cwd=folder)
        report = json.loads((folder / "r.json").read_text())

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    assert report["status"] == done.returncode == status
    if code == SECRET:
        assert report["denials"]
