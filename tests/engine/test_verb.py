"""What verbs are made of: asking on a terminal that is there, and one that is not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.support.terminals import all_shown

ASK = """
import sys
from lockgate.verb import confirm, is_terminal
print(is_terminal(), confirm("really\x1b[2J?", default=sys.argv[1] == "yes"))
"""


def asked(typed: bytes, default: str = "no") -> tuple[int, str, bytes]:
    """Status, standard output, and what the terminal showed."""
    host, terminal = pty.openpty()
    try:
        running = subprocess.Popen(
            [sys.executable, "-c", ASK, default],
            stdin=terminal,
            stderr=terminal,
            stdout=subprocess.PIPE,
            text=True,
        )
        os.write(host, typed)
        out, _ = running.communicate(timeout=60)
    finally:
        os.close(terminal)
    return running.returncode, out, all_shown(host)


@pytest.mark.parametrize(
    ("typed", "default", "answer"),
    [
        (b"y\n", "no", True),
        (b"YES\n", "no", True),
        (b"\n", "no", False),
        (b"\n", "yes", True),
        (b"n\n", "yes", False),
        (b"what\nno\n", "yes", False),
    ],
)
def test_an_answer_is_understood(typed: bytes, default: str, answer: bool) -> None:
    status, out, shown = asked(typed, default)

    assert (status, out) == (0, f"True {answer}\n")
    assert (b"[Y/n]" if default == "yes" else b"[y/N]") in shown
    assert b"\x1b[2J" not in shown


def test_the_end_of_the_input_is_an_interruption() -> None:
    status, out, _ = asked(b"\x04")

    assert status != 0
    assert out == ""


def test_where_nobody_can_be_asked_the_answer_is_no() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, "yes"],
        input="y\n",
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False False\n"
    assert done.stderr == ""


def test_it_brings_no_heavy_library() -> None:
    code = (
        "import sys, lockgate.verb; print(sorted({'pydantic', 'rich', 'lockgate.host'}"
        " & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
