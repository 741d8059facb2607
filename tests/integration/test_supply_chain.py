"""The contrast table: our column at every change, pip's and uv's now and then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.supply_chain.rows import TOOLS, Outcome, Row
from tests.integration.supply_chain.table import PAGE, PARTS, load, render

ROWS = [row for part in PARTS for row in part.rows]
CELLS, _ = load()


SLOW = [pytest.mark.slow]


@pytest.mark.parametrize(
    "row",
    [pytest.param(r, id=r.name, marks=SLOW if r.slow else []) for r in ROWS],
)
def test_our_column_is_what_the_code_does(row: Row, tmp_path: Path) -> None:
    outcome = row.runs["lockgate"](tmp_path)

    text = f"`{row.code}`" if row.code else row.ours
    assert outcome == Outcome("refused", text)
    assert CELLS[row.name]["lockgate"] == outcome


def test_the_page_is_made_from_the_run() -> None:
    assert list(CELLS) == [row.name for row in ROWS]
    assert PAGE.read_text("utf-8") == render(), (
        "run `python -m tests.integration.supply_chain --page`"
    )


def test_the_others_let_attacks_through() -> None:
    """What the table is for; an attack that nobody lets through proves little."""
    for tool in ("pip", "uv"):
        through = [n for n, cells in CELLS.items() if cells[tool].verdict != "refused"]
        assert len(through) > len(ROWS) / 2


@pytest.mark.slow
@pytest.mark.parametrize("word", ["zip slip", ".pth", "named `python3`", "not list"])
def test_pip_and_uv_do_what_the_table_says(word: str, tmp_path: Path) -> None:
    (row,) = [row for row in ROWS if word in row.name]
    for tool in TOOLS:
        (tmp_path / tool).mkdir()
        assert row.runs[tool](tmp_path / tool) == CELLS[row.name][tool]
