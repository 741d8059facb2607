"""``lockgate-sandbox scan``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.terminals import all_shown

HOSTILE = "import socket\neval(input())\n().__class__.__base__.__subclasses__()\n"


def command(
    *argv: str, cwd: Path, module: str = "lockgate_sandbox"
) -> subprocess.CompletedProcess[str]:
    """``python -m lockgate_sandbox scan ARGV``, or another's."""
    verb = ["scan"] if module == "lockgate_sandbox" else ["sandbox", "scan"]
    return subprocess.run(
        [sys.executable, "-m", module, *verb, *argv],
        capture_output=True, text=True, check=False, timeout=60, cwd=cwd,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plain.py").write_text("print(1)\n")
    (tmp_path / "net.py").write_text("import socket, asyncio\n")
    (tmp_path / "hostile.py").write_text(HOSTILE)
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("plain.py",), 0),
        (("net.py",), 0),
        (("--fail-on", "warning", "net.py"), 1),
        (("--fail-on", "warning", "plain.py"), 0),
        (("hostile.py",), 1),
        (("--fail-on", "never", "hostile.py"), 0),
        ((".",), 1),
        (("plain.py", "hostile.py"), 1),
        (("missing.py",), 2),
        ((), 2),
        (("--fail-on", "note", "plain.py"), 2),
        (("--json", "--sarif", "x", "plain.py"), 2),
    ],
)
def test_exit_status(folder: Path, argv: tuple[str, ...], status: int) -> None:
    assert command(*argv, cwd=folder).returncode == status


def test_the_text_names_place_level_and_rule(folder: Path) -> None:
    done = command("hostile.py", cwd=folder)

    lines = done.stdout.splitlines()
    assert "hostile.py:1:8: warning imports socket [network]" in lines
    assert "hostile.py:2:1: warning uses eval [dynamic-execution]" in lines
    assert [line for line in lines if "error" in line and "[escape-chain]" in line]
    assert "1 file read as Python 3." in done.stdout
    assert "would need: dynamic, net" in done.stdout
    assert "can't be read" in done.stdout
    assert "\x1b" not in done.stdout


def test_notes_are_counted_and_listed_when_asked(folder: Path) -> None:
    done = command("net.py", cwd=folder)
    listed = command("--notes", "net.py", cwd=folder)

    assert "1 note" in done.stdout
    assert "[local-socket]" not in done.stdout
    assert "[local-socket]" in listed.stdout


def test_json_is_the_only_thing_on_standard_output(folder: Path) -> None:
    done = command("--json", ".", cwd=folder)
    document = json.loads(done.stdout)

    assert document["schema"] == 1
    assert [file["path"] for file in document["files"]] == [
        "hostile.py", "net.py", "plain.py"
    ]  # fmt: skip
    assert document["derived"]["rights"] == ["dynamic", "net"]
    first = document["findings"][0]
    assert {"path", "line", "column", "end_line", "end_column", "rule", "level",
            "message", "right", "subject"} == set(first)  # fmt: skip


def test_sarif_is_written_whole(folder: Path) -> None:
    done = command("--sarif", "out.sarif", "hostile.py", cwd=folder)
    printed = command("--sarif", "-", "hostile.py", cwd=folder)

    log = json.loads((folder / "out.sarif").read_text())
    assert done.returncode == 1
    assert done.stdout.startswith("1 file read as Python 3.")
    assert "error" in done.stdout  # why the status is 1
    assert log == json.loads(printed.stdout)
    assert log["runs"][0]["tool"]["driver"]["name"] == "lockgate-sandbox"


def test_a_file_that_cannot_be_written_is_a_usage_error(folder: Path) -> None:
    done = command("--sarif", "no/such/folder/x", "plain.py", cwd=folder)

    assert done.returncode == 2
    assert "no/such/folder/x can't be written: No such file" in done.stderr
    assert "hint: name a file in a folder that is there" in done.stderr


def test_a_cache_is_made_and_used(folder: Path) -> None:
    first = command("--cache", "scan.cache", ".", cwd=folder)
    again = command("--cache", "scan.cache", ".", cwd=folder)

    assert (folder / "scan.cache").stat().st_size > 0
    assert first.stdout == again.stdout


def test_many_processes_say_what_one_does(folder: Path) -> None:
    for number in range(30):
        (folder / f"m{number:02}.py").write_text("import os\nos.system(x)\n" * 1_000)
    one = command("--jobs", "1", ".", cwd=folder)
    many = command("--jobs", "3", ".", cwd=folder)

    assert one.stdout == many.stdout
    assert one.stdout.count("os.system") > 10_000


def test_a_number_of_processes_that_makes_no_sense_is_refused(folder: Path) -> None:
    done = command("--jobs", "none", "plain.py", cwd=folder)

    assert done.returncode == 2
    assert "a number from 1 to 256, not 'none'" in done.stderr


def test_escapes_in_names_do_not_reach_the_terminal(folder: Path) -> None:
    (folder / "a\x1b[31m\nb.py").write_text("exec(x)")

    done = command("--fail-on", "warning", ".", cwd=folder)

    assert "\x1b" not in done.stdout
    assert "a\\x1b[31m\\nb.py:1:1:" in done.stdout


def test_a_terminal_gets_colour(folder: Path) -> None:
    main, side = pty.openpty()
    argv = [sys.executable, "-m", "lockgate_sandbox", "scan", "hostile.py"]
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    subprocess.run(
        argv, stdout=side, cwd=folder, check=False, env=env | {"TERM": "xterm"}
    )
    os.close(side)
    shown = all_shown(main).decode()

    assert "\x1b[31merror\x1b[0m" in shown
    assert "\x1b[33mwarning\x1b[0m" in shown


def test_lockgate_has_the_same_verb(folder: Path) -> None:
    ours = command("hostile.py", cwd=folder)
    theirs = command("hostile.py", cwd=folder, module="lockgate")

    assert (theirs.returncode, theirs.stdout) == (ours.returncode, ours.stdout)
