"""What a site that was built holds, and what its report refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from lockgate_marketplace.site import Report

__all__ = ["EPOCH", "codes", "content", "page"]

EPOCH = "1795000000"


def content(site: Path) -> dict[str, str]:
    """Each file of a site with the hash of its bytes."""
    return {
        str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }


def page(site: Path, project: str) -> Any:
    return json.loads((site / "simple" / project / "index.json").read_text())


def codes(report: Report) -> dict[str, str]:
    return {one.file: one.code for one in report.refused}
