"""Cells for attacks that go straight at the layers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.layers import Base, Cell, open_cell, users


@pytest.fixture(scope="session", params=users(), ids=lambda uid: f"uid{uid}")
def cell(base: Base, request: pytest.FixtureRequest) -> Iterator[Cell]:
    """A host process: the tests' own user, and as root an ordinary one too."""
    uid: int = request.param
    with open_cell(base, uid) as made:
        yield made
