"""The system call part of docs/reference/sandbox-policy.md, from the data files.

``python -m tests.sandbox.policies.page`` rewrites it between its two markers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lockgate_sandbox import policies

__all__ = ["BEGIN", "END", "PAGE", "replaced", "section"]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sandbox-policy.md"
BEGIN = "<!-- from the policy files: begin -->"
END = "<!-- from the policy files: end -->"


def _conditions(entry: dict[str, Any]) -> str:
    """The `when` of an entry in one line."""
    parts: list[str] = []
    for item in entry.get("when", []):
        mask = f" & {item['mask']}" if "mask" in item else ""
        parts.append(f"argument {item['arg']}{mask} {item['op']} {item['value']}")
    return " and ".join(parts) or "always"


def section() -> str:
    """A table for each shipped file."""
    lines: list[str] = []
    for name in policies.NAMES:
        path = Path(policies.__file__).with_name(f"{name}.json")
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
        lines += [f"### `{name}`", "", document["summary"], ""]
        lines += ["| calls | when | answer | why |", "|---|---|---|---|"]
        for entry in document["entries"]:
            calls = " ".join(f"`{call}`" for call in entry["calls"])
            cells = (calls, _conditions(entry), entry["action"], entry["reason"])
            lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def replaced(text: str) -> str:
    """`text` with the section between its markers made new."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{section()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text("utf-8")), "utf-8")
