"""Modules that are imported in the tests' own Python, as if it were a worker's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lockgate_sandbox._zygote import plain

__all__ = ["as_in_a_worker", "forget"]


@contextmanager
def as_in_a_worker(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Path]:
    """Import from `folder`, too; what begins with `name` is forgotten in the end."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "meta_path", [*plain.USUAL])
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    yield folder
    forget(name)


def forget(name: str) -> None:
    """Have the modules whose names begin with `name` imported anew."""
    for known in [known for known in sys.modules if known.startswith(name)]:
        del sys.modules[known]
    importlib.invalidate_caches()
