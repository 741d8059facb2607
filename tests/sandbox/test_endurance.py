"""Workers started, used and killed at random moments leave nothing behind."""

from __future__ import annotations

import pytest

from tests.sandbox.endurance import endure

pytestmark = [pytest.mark.kernel, pytest.mark.slow]


def test_nothing_is_left_of_hundreds_of_workers() -> None:
    found = endure(400, seed=20)

    assert found.faults == []
