"""``lockgate sandbox run``: the sandbox's own command, under our name."""

from __future__ import annotations

import json

from tests.engine.cli.conftest import Shell


def test_streams_pass_through_and_the_status_is_the_files_own(shell: Shell) -> None:
    code = "import sys; print(sys.argv[1:]); print('e', file=sys.stderr); sys.exit(7)"
    (shell.work / "file.py").write_text(code, "utf-8")

    result = shell.run("sandbox", "run", "file.py", "a", "--json")

    assert result.status == 7
    assert result.out == "['a', '--json']\n"
    assert result.err == "e\n"


def test_what_is_not_allowed_fails_and_what_is_allowed_works(shell: Shell) -> None:
    secret = shell.work / "secret.txt"
    secret.write_text("secret", "utf-8")
    (shell.work / "file.py").write_text(f"print(open({str(secret)!r}).read())", "utf-8")

    denied = shell.run("sandbox", "run", "file.py")
    allowed = shell.run("sandbox", "run", "--allow-read", str(secret), "file.py")

    assert denied.status == 1
    assert "secret\n" not in denied.out
    assert (allowed.status, allowed.out) == (0, "secret\n")


def test_a_report_says_under_which_layers_it_ran(shell: Shell) -> None:
    (shell.work / "file.py").write_text("pass", "utf-8")

    result = shell.run("sandbox", "run", "--report", "report.json", "file.py")

    assert result.status == 0, result.err
    report = json.loads((shell.work / "report.json").read_text("utf-8"))
    assert report["posture"]["layers"]
