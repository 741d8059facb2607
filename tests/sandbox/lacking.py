"""Cells without one of the kernel's facilities."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.layers import Cell

__all__ = ["need", "without"]


def need(cell: Cell, facility: str) -> None:
    """Skip where the machine does not let us have `facility`."""
    if why := cell.capabilities()["reasons"][facility]:
        pytest.skip(f"{facility} can't be had here: {why}")


def without(cell: Cell, facility: str) -> dict[str, Any]:
    """What the machine can do, but for one facility."""
    found = cell.capabilities()
    found["reasons"] = {**found["reasons"], facility: "made to be missing"}
    if facility == "landlock":
        found["landlock_abi"] = 0
    return found
