"""Cells for attacks that go straight at the layers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.support.layers import Base, Cell, cell_base, open_cell, users


@pytest.fixture(scope="session")
def base() -> Iterator[Base]:
    """An interpreter that everybody may read."""
    with cell_base() as made:
        yield made


@pytest.fixture(scope="module")
def stocked() -> Iterator[Base]:
    """An interpreter that everybody may read, with all that the sandbox needs."""
    with cell_base() as made:
        codec = Path(msgspec.__file__).parent
        beside = Path(made.package).parent / "msgspec"
        shutil.copytree(codec, beside, ignore=shutil.ignore_patterns("__pycache__"))
        for path in [beside, *beside.rglob("*")]:
            path.chmod(0o755)
        yield made


@pytest.fixture(scope="session", params=users(), ids=lambda uid: f"uid{uid}")
def cell(base: Base, request: pytest.FixtureRequest) -> Iterator[Cell]:
    """A host process: the tests' own user, and as root an ordinary one too."""
    uid: int = request.param
    with open_cell(base, uid) as made:
        yield made
