"""``lockgate new`` works after a pip install: docs/template as one data file.

``python -m tests.meta.template_data`` writes it; a test compares the two.
"""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["FILE", "TEMPLATE", "render"]

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "docs" / "template"
FILE = ROOT / "engine" / "src" / "lockgate" / "project" / "template.json"


def render() -> str:
    """The file: the template's files by path."""
    files = {
        path.relative_to(TEMPLATE).as_posix(): path.read_text("utf-8")
        for path in sorted(TEMPLATE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return json.dumps(files, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(render())
