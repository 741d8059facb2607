"""A home of a test's own: what this process takes for its user's settings and data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["fresh_settings", "move_to"]


def fresh_settings(home: Path, patch: pytest.MonkeyPatch) -> None:
    """`move_to` a home, where no variable says anything of lockgate's either."""
    for name in [name for name in os.environ if name.startswith("LOCKGATE_")]:
        patch.delenv(name)
    move_to(home, patch)


def move_to(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Settings, caches, states and data are below `home`, and so is this process."""
    patch.setenv("HOME", str(home))
    for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
        patch.setenv(f"XDG_{kind}_HOME", str(home / kind))
    patch.chdir(home)
