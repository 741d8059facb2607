"""``python -m tests`` runs every test file, and each of them once."""

from __future__ import annotations

from tests.__main__ import BESIDE, FILES_OF_A_PIECE, Run, pieces
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
    piece = pieces()[0]
    run = Run(["--no-such-option"])
    run.one(piece)

    assert run.failed == [piece]
