"""What holds after each attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox import Lab, policy


@pytest.fixture
def next_worker_works(lab: Lab) -> Iterator[None]:
    """After the test the sandbox still has a worker that works."""
    yield
    assert lab.run(policy(), "result = 6 * 7") == 42
