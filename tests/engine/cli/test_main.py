"""The command line as a whole: help, versions, statuses, errors."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

import lockgate
from lockgate.cli._verbs import VERBS
from tests.engine.cli.conftest import Shell
from tests.support.dists import manifest_text
from tests.support.terminals import all_shown

COMMAND = """\
[[commands]]
noun = "acme"
verb = "go"
help = "Go 100% of the way."
pipeline = "go.yaml"
"""


def test_the_version_is_told_without_argparse_or_anything_third_party(
    shell: Shell,
) -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "import lockgate.__main__ as m; status = m.main(['--version'])\n"
        "print(status, sorted(set(sys.modules) - before))"
    )
    first, second = shell.python(code).out.splitlines()

    assert first == f"lockgate {lockgate.__version__}"
    assert second == "0 ['lockgate', 'lockgate.__main__']"


def test_list_imports_no_value_no_manifest_and_nothing_third_party(
    shell: Shell,
) -> None:
    """Once the index is believed, which it is when the files are no longer new."""
    shell.site.wheel("acme")
    code = (
        "import sys; import lockgate.__main__ as m; m.main(['list', '--json'])\n"
        "heavy = ['lockgate.values', 'lockgate.manifest', 'lockgate.hookspecs',\n"
        "         'hashlib', 'pathlib', 'pydantic', 'packaging', 'pluggy', 'rich']\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    deadline = time.monotonic() + 20
    while (found := shell.python(code).err) != "[]\n":
        assert time.monotonic() < deadline, found


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_an_option(shell: Shell, option: str) -> None:
    assert shell.run(option).out == f"lockgate {lockgate.__version__}\n"


def test_the_console_script_is_the_same_command(shell: Shell) -> None:
    script = Path(sys.executable).parent / "lockgate"
    if not script.exists():
        pytest.skip("lockgate's console script is not installed beside Python")

    done = subprocess.run(
        [script, "list", "--json"], cwd=shell.work, env=shell.env, capture_output=True
    )

    assert done.stdout.decode() == shell.run("list", "--json").out


def test_a_file_in_the_working_folder_stands_in_for_no_import(shell: Shell) -> None:
    (shell.work / "argparse.py").write_text("raise SystemExit('imported')\n")
    (shell.work / "json.py").write_text("raise SystemExit('imported')\n")

    assert shell.run("list").status == 0


def test_help_lists_every_built_in_command(shell: Shell) -> None:
    result = shell.run("--help")

    assert result.status == 0
    for name, verb in VERBS.items():
        assert f"  {name:<22} {verb.summary}" in result.out


def test_no_command_at_all_shows_the_help_and_is_a_usage_error(shell: Shell) -> None:
    result = shell.run()

    assert result.status == 2
    assert "usage: lockgate" in result.out


def test_help_lists_contributed_commands_from_their_manifests(shell: Shell) -> None:
    shell.site.wheel("acme", manifest=manifest_text("acme", extra=COMMAND))

    assert "  acme go                Go 100% of the way." in shell.run("--help").out


@pytest.mark.parametrize("name", sorted({"config", "doctor", "hooks", "info", "list"}))
def test_each_command_has_help_of_its_own(shell: Shell, name: str) -> None:
    asked = shell.run(name, "--help")

    assert asked.status == 0
    assert f"usage: lockgate {name}" in asked.out
    assert shell.run("help", name).out == asked.out


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["lst"], "usage", "'list'"),
        (["remove", "acme"], "usage", "'uninstall'"),
        (["update"], "usage", "'upgrade'"),
        (["version"], "usage", "'--version'"),
        (["--sett", "list"], "usage", "'--set'"),
        (["--json", "list"], "usage", "behind its name"),
        (["list", "--jsn"], "usage", "Did you mean '--json'?"),
        (["list", "--yes"], "usage", "list --help"),
        (["list", "--state", "brokn"], "usage", "Did you mean 'broken'?"),
        (["config", "shwo"], "usage", "Did you mean 'show'?"),
        (["grants"], "usage", "grants --help"),
        (["scan", "x.py"], "usage", "Did you mean `lockgate sandbox scan`?"),
        (["untrusted.py"], "usage", "`lockgate sandbox run untrusted.py`?"),
        (["steps.yaml"], "usage", "`lockgate run steps.yaml`?"),
        (["run", "--memory", "9M", "x.py"], "usage", "`lockgate sandbox run` has"),
        (["logs", "--lines", "-3"], "usage", "logs --help"),
        (["--xyzzy", "list"], "usage", "behind its name"),
        (["--set"], "usage", ""),
        (["--set", "x", "list"], "usage", "--set log-level=debug"),
        (["list", "--nope"], "usage", "--help"),
        (["info"], "usage", "info --help"),
        (["info", "nobody"], "unknown-plugin", "lockgate list"),
        (["hooks", "show", "generat"], "unknown-hook", "'generate'"),
        (["--set", "timeot=1", "list"], "config-invalid", "'timeout'"),
    ],
)
def test_wrong_usage_is_status_2_with_a_way_out(
    shell: Shell, arguments: list[str], code: str, hint: str
) -> None:
    result = shell.run(*arguments)

    assert result.status == 2
    assert result.out == ""
    assert f"error[{code}]: " in result.err
    assert hint in result.err
    assert "Traceback" not in result.err


def test_a_command_without_its_verb_tells_the_verbs(shell: Shell) -> None:
    told = shell.run("grants").err

    assert "VERB is missing: show, diff, grant, revoke" in told


def test_a_python_file_is_no_pipeline_and_the_way_to_run_it_is_told(
    shell: Shell,
) -> None:
    (shell.work / "x.py").write_text("print(1)\n")
    refused = shell.run("run", "x.py")

    assert refused.status == 2
    assert "hint: To run it sealed: lockgate sandbox run x.py" in refused.err
    assert shell.run("sandbox", "run", "x.py").out == "1\n"


def test_a_folder_that_is_too_much_is_told_with_a_way_out(shell: Shell) -> None:
    folder = shell.work / "many"
    folder.mkdir()
    for number in range(10_001):
        (folder / str(number)).touch()
    refused = shell.run("call", "analyze", f"tree=@{folder}")

    assert refused.status == 2
    assert "more than 10,000 files or 48 MiB" in refused.err
    assert "hint: Name a folder inside it" in refused.err


def test_help_puts_every_command_into_a_group(shell: Shell) -> None:
    told = shell.run("--help").out

    assert "Other commands:" not in told
    assert told.index("Use plugins:") < told.index("Make plugins:")


@pytest.mark.parametrize(("columns", "below"), [(80, True), (125, False), (200, False)])
def test_a_narrow_terminal_has_the_last_column_below_its_row(
    shell: Shell, columns: int, below: bool
) -> None:
    about = "Says what it does in more words than a narrow terminal has room for."
    shell.site.wheel(
        "acme-with-a-long-name",
        manifest=manifest_text("acme-with-a-long-name", summary=f'"{about}"'),
    )
    told = _on_terminal(shell, columns, "list")

    lines = [line.rstrip() for line in told.splitlines()]
    row = next(i for i, line in enumerate(lines) if line.startswith("acme-with"))
    assert "…" not in told
    assert (lines[row + 1] == f"    {about}") is below
    assert about in " ".join(" ".join(lines[row : row + 2]).split())
    assert all(len(line) <= columns for line in lines)


def _on_terminal(shell: Shell, columns: int, *arguments: str) -> str:
    """What a command prints on a terminal of this width, without colour."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        shell.command(*arguments),
        cwd=shell.work,
        env=shell.env | {"NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    told = all_shown(ours)
    assert process.wait() == 0, told
    return told.decode()


def test_with_json_an_error_is_the_only_thing_on_standard_output(shell: Shell) -> None:
    result = shell.run("info", "nobody", "--json")

    assert result.status == 2
    assert result.json["error"]["code"] == "unknown-plugin"
    assert result.err == ""


def test_a_bug_is_one_line_and_a_traceback_only_when_asked(shell: Shell) -> None:
    code = (
        "import sys, lockgate.cli._main as m, lockgate.cli.list as l\n"
        "def broken(args): raise ZeroDivisionError('by zero')\n"
        "l.run = broken\n"
        "sys.exit(m.main(sys.argv[1:]))"
    )

    plain = shell.python(code, "list")
    loud = shell.python(code, "--debug", "list")

    assert plain.status == loud.status == 1
    assert "error[internal-error]: ZeroDivisionError: by zero" in plain.err
    assert "bug in lockgate" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in loud.err


def test_a_reader_that_goes_away_ends_the_command_quietly(shell: Shell) -> None:
    process = subprocess.Popen(
        shell.command("hooks", "--json"),
        cwd=shell.work,
        env=shell.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait() == 141
    assert said == b""


def test_an_interrupt_ends_the_command_quietly(shell: Shell) -> None:
    # A shell's background job is started with SIGINT ignored, and so are these
    # tests if they are one; Python then does not turn it into KeyboardInterrupt.
    code = (
        "import signal, sys, time, lockgate.cli._main as m, lockgate.cli.list as l\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def slow(args): print('ready', flush=True); time.sleep(60)\n"
        "l.run = slow\n"
        "sys.exit(m.main(['list']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=shell.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert said == b"\ninterrupted\n"


def on_a_terminal(shell: Shell, *arguments: str, **environ: str) -> str:
    """What the command prints when its standard output is a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        shell.command(*arguments),
        cwd=shell.work,
        env=shell.env | {"TERM": "xterm"} | environ,
        stdout=follower,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    os.close(follower)
    pieces: list[bytes] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the last writer has closed its side
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(leader)
    process.wait()
    return b"".join(pieces).decode()


def test_colour_is_for_terminals_that_want_it(shell: Shell) -> None:
    assert "\x1b[" in on_a_terminal(shell, "list")
    assert "\x1b[" not in on_a_terminal(shell, "list", NO_COLOR="1")
    assert "\x1b[" not in shell.run("list").out
    assert "\x1b[" in shell.run("--set", "color=always", "list").out
    assert "\x1b[" not in on_a_terminal(shell, "--set", "color=never", "list")


def test_words_of_a_plugin_cannot_steer_the_terminal(shell: Shell) -> None:
    shell.site.wheel(
        "evil",
        entry_points="[lockgate.manifest]\nevil\x1b[2J\x1b]0;pwned\x07 = x:y\n",
    )
    listed = shell.run("list")

    assert listed.status == 0
    assert "\x1b" not in listed.out
    assert "\x07" not in listed.out
    assert "\\x1b" in listed.out
