"""Plugins that ask for rights, and what an install by name left behind."""

from __future__ import annotations

import pytest

from tests.support.indexes import LoopbackIndex, Published
from tests.support.market import Home, offered

__all__ = ["RIGHTS", "USES", "asking", "checks", "incoming"]

RIGHTS = '[rights]\nenv = ["LANG"]\n'

USES = 'import os\nos.environ["LANG"]\n'


def asking(index: LoopbackIndex, version: str = "1.0") -> Published:
    """A release that wants something."""
    return offered(index, version=version, tier="elevated", extra=RIGHTS, code=USES)


def incoming(home: Home) -> list[str]:
    return [path.name for path in (home.data / "cache" / "incoming").glob("*/*")]


def checks(monkeypatch: pytest.MonkeyPatch, **levels: str) -> None:
    for name, level in levels.items():
        key = f"LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__{name.upper()}"
        monkeypatch.setenv(key, level)
