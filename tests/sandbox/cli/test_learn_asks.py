"""``lockgate-sandbox learn`` at a terminal: what is asked, and what answers do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lockgate_sandbox.policy_file import read_policy
from tests.support.terminals import conversation

pytestmark = pytest.mark.kernel

PROMPT = "\r\n  > "
"""Where an answer is waited for; a terminal makes two characters of a line's end."""


@pytest.fixture(name="work")
def _work(folder: Path) -> Path:
    """A folder with data and room for what comes of it."""
    (folder / "data").mkdir()
    for name in ("a", "b"):
        (folder / "data" / name).write_text(name)
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    return folder


def learn(
    folder: Path, code: str, answers: list[str], *options: str, ahead: str = ""
) -> tuple[int, str]:
    """Status, and what a terminal shows when `answers` are given to what is asked."""
    (folder / "script.py").write_text(code)
    command = [sys.executable, "-m", "lockgate_sandbox", "learn", *options]
    status, shown, _ = conversation(
        [*command, "--out", "p.json", "script.py"],
        answers,
        prompt=PROMPT,
        cwd=folder,
        ahead=ahead,
        env={"COLUMNS": "80", "NO_COLOR": "1"},
    )
    return status, shown


def reads(*names: str) -> str:
    """Code that reads what it may of some files."""
    return f"""\
for name in {names!r}:
    try:
        print(open(name).read())
    except OSError:
        pass
"""


def test_yes_grants_what_was_asked_and_no_more(work: Path) -> None:
    status, shown = learn(work, reads("data/a"), ["y\n"])

    assert status == 0, shown
    assert f"May it read '{work}/data/a'?\r\n  it tried: read" in shown
    assert read_policy(work / "p.json").read == (f"{work}/data/a",)
    assert "run 2: ended with 0, was denied 0 things\r\n  | a\r\n" in shown


def test_never_is_not_asked_again_and_is_told_at_the_end(work: Path) -> None:
    status, shown = learn(work, reads("data/a", "data/b"), ["n\n", "y\n"])

    assert status == 1
    assert shown.count("May it") == 2
    assert read_policy(work / "p.json").read == (f"{work}/data/b",)
    assert f"never: read '{work}/data/a'" in shown


def test_wider_is_the_folder_and_saves_the_questions_below(work: Path) -> None:
    status, shown = learn(work, reads("data/a", "data/b"), ["w\n"])

    assert status == 0
    assert f"  w  wider: read '{work}/data' and everything below" in shown
    assert shown.count("May it") == 1
    assert read_policy(work / "p.json").read == (f"{work}/data",)


def test_wider_is_not_offered_over_what_was_refused(work: Path) -> None:
    code = reads("data/a", "data/b") + "import os; os.listdir('data')"
    _, shown = learn(work, code, ["n\n", "w\n", "y\n"])

    first, second = shown.split("May it ")[1:]
    assert "w  wider" in first
    assert "w  wider" not in second
    assert "answer with one of y, n, q" in second
    assert read_policy(work / "p.json").read == (f"{work}/data/b",)


def test_stop_ends_the_questions_and_the_runs_and_keeps_what_was_granted(
    work: Path,
) -> None:
    status, shown = learn(work, reads("data/a", "data/b"), ["y\n", "q\n"])

    assert status == 1
    assert shown.count("\nrun ") == 1
    assert read_policy(work / "p.json").read == (f"{work}/data/a",)


def test_the_end_of_input_stops_too(work: Path) -> None:
    status, shown = learn(work, reads("data/a"), ["\x04"])

    assert status == 1
    assert shown.count("\nrun ") == 1
    assert read_policy(work / "p.json").read == ()


@pytest.mark.parametrize("answer", ["\n", "yes\n", "ny\n", "x\n", "a\n"])
def test_what_is_no_answer_is_asked_for_again(work: Path, answer: str) -> None:
    (work / "script.py").write_text(reads("data/a"))
    command = [sys.executable, "-m", "lockgate_sandbox", "learn", "script.py"]
    _, shown, output = conversation(
        command, [answer, "n\n"], prompt=PROMPT, cwd=work, env={"NO_COLOR": "1"}
    )

    assert "answer with one of y, n, w, q\r\n  > " in shown
    assert output == '{\n  "tier": "read-only"\n}\n'


def test_bounds_are_granted_unasked_and_the_rest_is_asked_about(work: Path) -> None:
    code = reads("data/a") + "open('out/x', 'w').close()"
    status, shown = learn(work, code, ["y\n"], "--yes-read", "data")

    assert status == 0, shown
    assert f"granted, within bounds: read '{work}/data/a'" in shown
    assert shown.count("May it") == 1
    assert "  it needs tier elevated\r\n" in shown


def test_no_ask_asks_nothing_at_a_terminal_either(work: Path) -> None:
    status, shown = learn(work, reads("data/a"), [], "--no-ask")

    assert status == 1
    assert "May it" not in shown


def test_an_interrupt_at_a_question_ends_it_and_writes_nothing(work: Path) -> None:
    (work / "script.py").write_text(reads("data/a"))
    main = (
        "import os, signal, sys; os.setsid(); import fcntl, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from lockgate_sandbox.__main__ import main; sys.exit(main())"
    )
    status, shown, _ = conversation(
        [sys.executable, "-c", main, "learn", "--out", "p.json", "script.py"],
        ["\x03"],
        prompt=PROMPT,
        cwd=work,
    )

    assert status == 130
    assert "interrupted" in shown
    assert not os.path.lexists(work / "p.json")
