"""``python -m tests`` runs every test file, and each of them once."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.__main__ import AGAIN, BESIDE, FILES_OF_A_PIECE, Piece, Run, pieces
from tests.meta.workspace import ROOT


def test_every_test_file_is_in_one_piece() -> None:
    files = [file for piece in pieces() for file in piece.files]
    present = {str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("test_*.py")}

    assert set(files) == present
    assert len(files) == len(present)


def test_no_piece_is_long_and_names_differ() -> None:
    names = [piece.name for piece in pieces()]

    assert len(set(names)) == len(names)
    assert max(len(piece.files) for piece in pieces()) <= FILES_OF_A_PIECE


def test_what_other_pythons_run_is_there_and_named_once() -> None:
    lines = (ROOT / "tests" / "python_decides.txt").read_text().splitlines()

    assert [line for line in lines if not (ROOT / line).exists()] == []
    assert lines == sorted(set(lines))


def test_the_gates_runs_on_other_pythons_know_of_each_other() -> None:
    """Else each takes the other's processes for what it left behind."""
    gate = (ROOT / ".ci" / "run").read_text()

    assert f'{BESIDE}=1 "$python" -m pytest' in gate


def test_a_piece_is_run_and_counted() -> None:
    (layout,) = (p for p in pieces() if "tests/meta/test_layout.py" in p.files)
    run = Run(["--collect-only"])
    run.one(layout)

    assert run.failed == []
    assert run.counts["passed"] == 0


def test_a_piece_that_fails_is_named() -> None:
    piece = Piece("none", ("tests/meta/no_such_file.py",))
    run = Run(["--no-such-option"])
    run.one(piece)
    piece.broken_off.unlink()

    assert run.failed == [piece]


def test_a_piece_that_was_broken_off_is_run_again_as_a_whole(tmp_path: Path) -> None:
    """Else what failed in another one would pass for what never ran in this one."""
    file, killed = tmp_path / "test_killed.py", tmp_path / "killed"
    file.write_text(
        "import os, pathlib\n"
        f"killed = pathlib.Path({str(killed)!r})\n"
        "def test_ends_its_process():\n"
        "    if not killed.exists():\n"
        "        killed.touch()\n"
        "        os._exit(9)\n"
    )
    piece = Piece("broken-off-in-a-test", (str(file),))
    once, again, after = Run([]), Run(AGAIN), Run(AGAIN)
    try:
        for run in (once, again, after):
            run.one(piece)
    finally:
        shutil.rmtree(piece.cache)

    assert (once.failed, again.failed, after.failed) == ([piece], [], [])
    assert (again.counts["passed"], after.counts["passed"]) == (1, 0)
