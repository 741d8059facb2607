"""The public surface is a test: a name appears or goes on purpose.

``python -m tests.meta.test_public_names`` writes the snapshot anew.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

from tests.meta.workspace import ROOT, members, modules

SNAPSHOT = ROOT / "tests" / "data" / "public_names.json"


def public_modules() -> list[str]:
    """Each importable module with no private part in its name."""
    found: list[str] = []
    for member in members():
        for path in modules(member):
            parts = path.relative_to(member.source.parent).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if not any(part.startswith("_") for part in parts):
                found.append(".".join(parts))
    return sorted(found)


def surface() -> dict[str, list[str]]:
    """What each public module that declares ``__all__`` offers."""
    names: dict[str, list[str]] = {}
    for module in public_modules():
        declared = declared_names(module)
        if declared is not None:
            names[module] = declared
    return names


def declared_names(module: str) -> list[str] | None:
    """The module's ``__all__``; None for what only a special place can import."""
    loaded = importlib.import_module(module)
    names: list[str] | None = getattr(loaded, "__all__", None)
    return list(names) if names is not None else None


def test_every_declared_name_exists() -> None:
    """That the lists are sorted is the linter's rule (RUF022)."""
    for module, names in surface().items():
        loaded = importlib.import_module(module)
        assert [name for name in names if not hasattr(loaded, name)] == [], module


def test_the_surface_is_the_snapshot() -> None:
    assert surface() == json.loads(SNAPSHOT.read_text("utf-8"))


if __name__ == "__main__":
    Path(SNAPSHOT).write_text(json.dumps(surface(), indent=1) + "\n", "utf-8")
