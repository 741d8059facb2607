"""The table: its parts, the run that is kept, and the page that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.supply_chain import course_rows, index_rows, wheel_rows
from tests.integration.supply_chain.rows import TOOLS, Outcome, Part, Tool

__all__ = ["PAGE", "PARTS", "RUN", "load", "render", "save"]

PARTS: tuple[Part, ...] = (wheel_rows.PART, index_rows.PART, course_rows.PART)

_ROOT = Path(__file__).parents[3]
RUN = _ROOT / "tests" / "data" / "supply_chain.json"
PAGE = _ROOT / "docs" / "explanation" / "supply-chain.md"

_BEGIN = "<!-- made by python -m tests.integration.supply_chain: begin -->"
_END = "<!-- made by python -m tests.integration.supply_chain: end -->"

Cells = dict[str, dict[Tool, Outcome]]


def save(cells: Cells, versions: dict[str, str]) -> None:
    """Keep a run."""
    rows = {
        name: {tool: [o.verdict, o.text] for tool, o in outcomes.items()}
        for name, outcomes in cells.items()
    }
    text = json.dumps({"versions": versions, "rows": rows}, indent=1)
    RUN.write_text(text + "\n", "utf-8")


def load() -> tuple[Cells, dict[str, str]]:
    """The run that is kept."""
    data: dict[str, Any] = json.loads(RUN.read_text("utf-8"))
    cells: Cells = {
        name: {tool: Outcome(*outcomes[tool]) for tool in TOOLS}
        for name, outcomes in data["rows"].items()
    }
    return cells, data["versions"]


def render() -> str:
    """The page, with its table made anew from the run that is kept."""
    cells, versions = load()
    head, _, rest = PAGE.read_text("utf-8").partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    lines = [
        f"pip {versions['pip']}, uv {versions['uv']}, Python {versions['python']}."
    ]
    for part in PARTS:
        lines += [f"\n## {part.title}\n", f"{part.text}\n"]
        lines += ["| attack | pip | uv | lockgate |", "|---|---|---|---|"]
        for row in part.rows:
            shown = [cells[row.name][tool].cell() for tool in TOOLS]
            lines.append(f"| {row.name} | {' | '.join(shown)} |")
        count = len(part.rows)
        held = {
            tool: sum(cells[r.name][tool].verdict == "refused" for r in part.rows)
            for tool in TOOLS
        }
        counts = ", ".join(f"{tool} {number}" for tool, number in held.items())
        lines.append(f"\nRefused, of {count}: {counts}.")
    table = "\n".join(lines)
    return f"{head}{_BEGIN}\n\n{table}\n\n{_END}{tail}"
