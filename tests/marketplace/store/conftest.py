"""Wheels that are forged and judged once, and a store for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import Wheel, WheelName, judge
from tests.support.wheels import forge, wheel_filename

Forge = Callable[..., Wheel]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


def judged(name: str, version: str = "1.0", **how: Any) -> Wheel:
    """A wheel that the gate let in."""
    raw = forge(name, version, **how)
    return judge(raw, WheelName.parse(wheel_filename(name, version)))


def install(store: Store, *wheels: Wheel, plugins: tuple[str, ...] = ()) -> int:
    """Put an environment of these wheels in force; gives the generation's number."""
    with store.held():
        stored = [store.add(wheel) for wheel in wheels]
        entry = store.environment(stored, plugins or (wheels[0].name,))
        made = store.commit([entry], reason=f"install {wheels[0].name}")
    return made.number
