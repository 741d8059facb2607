"""``lockgate-sandbox policy`` and ``run --policy``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lockgate_sandbox import Policy
from lockgate_sandbox.explain import explain


def command(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``python -m lockgate_sandbox ARGV``."""
    return subprocess.run(
        [sys.executable, "-m", "lockgate_sandbox", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
    )


def test_show_prints_a_policy_that_run_reads_back(folder: Path) -> None:
    (folder / "data").write_text("granted")
    (folder / "file.py").write_text(f"print(open({str(folder / 'data')!r}).read())")

    shown = command("policy", "show", "--allow-read", "data", "--json", cwd=folder)
    (folder / "policy.json").write_text(shown.stdout)
    done = command("run", "--policy", "policy.json", "file.py", cwd=folder)
    denied = command("run", "file.py", cwd=folder)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["read"] == [str(folder / "data")]
    assert (done.returncode, done.stdout) == (0, "granted\n")
    assert denied.returncode == 1


def test_show_prints_text_for_people(folder: Path) -> None:
    done = command("policy", "show", "--tier", "basic", "--wall", "5", cwd=folder)

    assert done.stdout.startswith("tier basic\n")
    assert "5 s a call" in done.stdout


def test_explain_says_the_policy_in_words(folder: Path) -> None:
    options = ("policy", "explain", "--allow-write", ".", "--pids", "3")
    policy = Policy.for_tier("elevated", write=[str(folder)])

    text = command(*options, cwd=folder)
    data = command(*options, "--json", cwd=folder)

    assert f"  - read and change {folder} and everything below\n" in text.stdout
    assert "  - 3 threads\n" in text.stdout
    assert json.loads(data.stdout)["may"] == list(explain(policy).may)


def test_diff_has_its_own_status(folder: Path) -> None:
    (folder / "new.json").write_text('{"tier": "basic", "limits": {"inodes": 9}}')

    same = command("policy", "diff", "basic", "basic", cwd=folder)
    less = command("policy", "diff", "basic", "new.json", cwd=folder)
    data = command("policy", "diff", "new.json", "basic", "--json", cwd=folder)

    assert (same.returncode, same.stdout) == (0, "")
    assert (less.returncode, less.stdout) == (1, "- limit inodes 4,096 -> 9\n")
    (change,) = json.loads(data.stdout)["changes"]
    assert (change["what"], change["effect"]) == ("limits.inodes", "wider")


@pytest.mark.parametrize(
    ("argv", "status", "text"),
    [
        (["policy", "show", "--policy", "gone.json"], 3, "gone.json: No such file"),
        (["policy", "explain", "--allow-read", "gone"], 3, "no such file or folder"),
        (["policy", "diff", "basic", "gone"], 3, "gone is neither a tier nor a file"),
        (["policy", "diff", "basic"], 2, "required: AFTER"),
        (["policy"], 2, "WHAT is missing: show, explain, diff"),
        (["run", "--policy", "gone.json", "x.py"], 125, "gone.json: No such file"),
    ],
)
def test_what_makes_no_sense_has_a_status_and_a_reason(
    argv: list[str], status: int, text: str, folder: Path
) -> None:
    done = command(*argv, cwd=folder)

    assert (done.returncode, done.stdout) == (status, "")
    assert text in done.stderr


def test_options_tighten_a_policy_file_and_add_no_grant(folder: Path) -> None:
    (folder / "policy.json").write_text('{"tier": "basic"}')
    (folder / "file.py").write_text("import time; time.sleep(30)")
    policy = ("--policy", "policy.json")

    short = command("run", *policy, "--wall", "0.3", "file.py", cwd=folder)
    shown = command("policy", "show", *policy, "--wall=999", "--json", cwd=folder)
    grant = command("run", *policy, "--allow-read", ".", "file.py", cwd=folder)

    assert short.returncode == 124
    assert json.loads(shown.stdout)["limits"]["wall_seconds"] == 60
    assert grant.returncode == 125
    assert "write them into policy.json" in grant.stderr


@pytest.mark.parametrize("verb", ["show", "explain"])
def test_a_tier_or_a_file_alone_is_a_policy_too(folder: Path, verb: str) -> None:
    options = command("policy", verb, "--tier", "basic", cwd=folder)
    tier = command("policy", verb, "basic", cwd=folder)
    (folder / "mine.json").write_text(json.dumps(Policy.for_tier("basic").to_dict()))
    file = command("policy", verb, "mine.json", cwd=folder)
    both = command("policy", verb, "basic", "--tier", "admin", cwd=folder)
    neither = command("policy", verb, "bsic", cwd=folder)

    assert tier.stdout == file.stdout == options.stdout != ""
    assert (both.returncode, neither.returncode) == (3, 3)
    assert "leave one of them out" in both.stderr
    assert "tiers are: read-only, basic, elevated, admin" in neither.stderr


def test_a_reader_that_goes_away_is_no_traceback(folder: Path) -> None:
    line = f"{sys.executable} -m lockgate_sandbox policy explain admin"
    done = subprocess.run(
        ["bash", "-c", f"{line} | true; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
    )

    assert (done.returncode, done.stderr) in ((141, ""), (0, ""))


def test_a_secret_without_a_value_may_be_explained_and_not_run(folder: Path) -> None:
    secret = ("--secret", "TOKEN=LOCKGATE_NOT_SET")
    told = command("policy", "explain", *secret, cwd=folder)
    ran = command("run", *secret, "-c", "print('ran')", cwd=folder)
    slip = command("run", "--secret", "TOKEN=hunter2", "-c", "", cwd=folder)

    assert (told.returncode, told.stderr) == (0, "")
    assert "know the secret TOKEN" in told.stdout
    assert (ran.returncode, ran.stdout) == (125, "")
    assert "TOKEN, LOCKGATE_NOT_SET, is not set" in ran.stderr
    assert "hunter2" not in slip.stderr  # it may be the secret itself
    assert "is not set" in slip.stderr
